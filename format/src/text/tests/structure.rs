use super::*;

#[test]
fn blanks_and_commas() {
    check(
        "[1, 2,3 ,4,,5] [,1 2,] (f, \"x\",\t\"y\"\r\n)",
        "[1 2 3 4 5] [1 2] (f \"x\" \"y\")",
    );
    check("", "");
    check(" ,\n", "");
    check("\u{feff}(a)", "(a)");
}

#[test]
fn line_comments() {
    check(
        "#!/usr/bin/env gene\n# a\n## b\n#\n#! c\n1 # d\n[2 # e\n3]\n#",
        "1 [2 3]",
    );
    check(
        "(a b#
# c
)",
        "(a b#)",
    );
}

#[test]
fn block_comments() {
    check("1 #< two ># 3 #<># 4", "1 3 4");
    check("#< a #<< b >># (c) ># 1 [2 #< x #< y ># z >#]", "1 [2]");
    check("#< a >># b ># 1", "1");
    check("#<< a >># 1", "1");
    check("1 #< from here (on", "1");
    check("#tag", "#tag");
}

#[test]
fn genes() {
    check("(a () b) [1 ()] ((() c))", "(a () b) [1 ()] ((() c))");
    check(
        "(job 1 ^k 2 3) (f) () (nil) (nil 1)",
        "(job ^k 2 1 3) (f) () () (nil 1)",
    );
    check(
        "(f ^^on ^!off x) ((g 1) 2 \"t\") (1 + 2)",
        "(f ^^on ^!off x) ((g 1) 2 \"t\") (1 + 2)",
    );
    check("(^a 1 f) (^^a)", "(^a 1 f) (^^a)");
    check_errors(
        "(f ^a 1 2 ^b 3)",
        &["properties found in wrong place while reading list )"],
    );
    check_errors(
        "(f 1 ^^a 2 ^^b)",
        &["properties found in wrong place while reading list )"],
    );
    check("(f ^a 1 #< x >#\n ^b 2 3)", "(f ^a 1 ^b 2 3)");
}

#[test]
fn maps_and_shortcuts() {
    check(
        "{^a 1 ^^yes ^!no} {} {^a^b 1} {^a^^b} {^a^!b}",
        "{^a 1 ^^yes ^!no} {} {^a {^b 1}} {^a {^^b}} {^a {^b false}}",
    );
    check(
        "{^a^b 1 ^a^c 2} (f ^a^b^c 1 ^x 2 ^a^b^d 3)",
        "{^a {^b 1 ^c 2}} (f ^a {^b {^c 1 ^d 3}} ^x 2)",
    );
    check(
        "{^... a ^k 1 ^... b ^...1 c}",
        "{^... a ^k 1 ^... b ^...1 c}",
    );
    check(
        "{^a/b 1 ^a\\ b 2 ^\\!x 3 ^a\\^b 4 ^! 5}"
            .replace(" ^! 5", "")
            .as_str(),
        "{^a/b 1 ^a\\ b 2 ^\\!x 3 ^a\\^b 4}",
    );
    check("{^a {^b {}} ^c[1]^d(f)}", "{^a {^b {}} ^c [1] ^d (f)}");
    check(
        "{^a nil ^b true ^c false ^d void}",
        "{^!a ^^b ^c false ^d void}",
    );
}

#[test]
fn prop_conflicts() {
    for (text, at) in [
        ("(f ^a 1 ^a 2)", 9),
        ("{^a^b 1 ^a 2}", 9),
        ("{^a 1 ^a^b 2}", 7),
        ("{^a {^b 1} ^a^c 2}", 12),
        ("{^^a ^!a}", 7),
        ("{^a^b 1 ^a^b 2}", 9),
        ("{^a^b 1 ^a^b^c 2}", 9),
    ] {
        let message = format!("Bad input at {at} (conflict with property shortcut found earlier.)");
        check_errors(text, &[&message]);
    }
    assert_eq!(hint("{^a 1\n ^a 2}"), "the key is already given at 1:3");
    check("(f ^a 1; ^a 2)", "((f ^a 1) ^a 2)");
}

#[test]
fn conflicts_are_found_among_many_keys() {
    for count in [15, 16, 17, 18, 100] {
        let keys: String = (0..count).map(|i| format!("^k{i} 1 ^n^m{i} 2 ")).collect();
        check_errors(&format!("{{{keys}}}"), &[]);
        for key in ["^k0 1", "^n^m0 1", "^n 1", "^k0^x 1"].iter() {
            let read = read_all(format!("{{{keys}{key}}}").as_bytes());
            assert_eq!(read.errors.len(), 1, "{key} after {count}");
        }
        let last = format!("{{{keys}^k{} 1}}", count - 1);
        assert_eq!(read_all(last.as_bytes()).errors.len(), 1);
    }
}

#[test]
fn keys_and_values_are_required() {
    check_errors("{a 1}", &["Expect key at 1 but found a"]);
    check_errors("{^a 1 2}", &["Expect key at 6 but found 2"]);
    check_errors("{{1} }", &["Unmatched delimiter: }"]);
    check_errors("{ {1} }", &["Expect key at 2 but found {"]);
    check_errors("(f ^ a)", &["Expect key at 4 but found  "]);
    assert_eq!(
        hint("{a 1}"),
        "keys are written with ^: {^a 1}; others in {{key value}}"
    );
    for text in [
        "{^k}",
        "{^k ^j 1}",
        "(f ^k)",
        "(f ^k ^j)",
        "(f ^k; g)",
        "{^a^k}",
    ] {
        check_errors(text, &["Expect value for k"]);
    }
    check_errors("{^a", &["EOF while reading map }"]);
}

#[test]
fn hash_maps() {
    check(
        "{{1 2 \"a\" 'b'}} {{}} {{1 {^a {^b 2}}}} {{a}}",
        "{{1 2 \"a\" 'b'}} {{}} {{1 {^a {^b 2}}}} {{a}}",
    );
    check_errors("{{1 2} }", &["Unmatched delimiter: }"]);
}

#[test]
fn arrays_take_props_as_symbols() {
    check("[a ^k = 1 ^^z ^!w ^a^b]", "[a ^k = 1 ^^z ^!w ^a^b]");
    assert_eq!(only("^k").kind, FormKind::Symbol("^k".into()));
}

#[test]
fn sealed_forms() {
    check(
        "#[1 2] #{^a 1} #(1 ^a 2 3) #{{1 2}} #() #(f [1])",
        "#[1 2] #{^a 1} #(1 ^a 2 3) #{{1 2}} #() #(f [1])",
    );
    check("#(a; b)", "#((a) b)");
}

#[test]
fn quotes_and_percent() {
    check(
        "`x ``(f) `[x 1] ` y %x %_x %(f) %\"s\" %`a",
        "`x ``(f) `[x 1] `y %x %_x %(f) %\"s\" %`a",
    );
    check("(n % 5) (n %= 4) [%] % %=", "(n % 5) (n %= 4) [%] % %=");
    check("(f %_) [%_ x]", "(f %\\_) [%\\_ x]");
    check("%=x %%x %_%_x", "%\\=x %%x %_%_x");
    assert!(matches!(
        only("%_x").kind,
        FormKind::Unquote { discard: true, .. }
    ));
    check_errors("(f `)", &["Expect form after `"]);
    check_errors("(f %`)", &["Expect form after `"]);
    check_errors("`", &["EOF while reading form after `"]);
}

#[test]
fn semicolons() {
    check(
        "(a; b; c) (a x; b y; c z) (a;)",
        "(((a) b) c) (((a x) b y) c z) ((a))",
    );
    check(
        "(a ^p 1 2; ^q 3 b) (a ^p 1; b) (; a)",
        "((a ^p 1 2) ^q 3 b) ((a ^p 1) b) ((nil) a)"
            .replace("(nil)", "()")
            .as_str(),
    );
    check_error("[1; 2]", "Unexpected ;", ";");
    check_error("; comment", "Unexpected ;", ";");
}

#[test]
fn decorators() {
    check(
        "#@inc 5 #@inc #@dbl 5 #@(adder 10) 5 (f ^k #@g 1) #@ a b",
        "(inc 5) (inc (dbl 5)) ((adder 10) 5) (f ^k (g 1)) (a b)",
    );
    check_errors("(#@f)", &["Expect form after #@"]);
    check_errors("#@f", &["EOF while reading form after #@"]);
}

#[test]
fn interpolation() {
    check(
        "#\"hi #{who}!\" #\"plain\" #\"\" #\"#{1}\"",
        "(#Str \"hi \" who \"!\") \"plain\" \"\" (#Str 1)",
    );
    check(
        "#\"s #(2 + 3), l #[1 who], m #{^k 1}\"",
        "(#Str \"s \" (2 + 3) \", l \" [1 who] \", m \" {^k 1})",
    );
    check(
        "#\"a#< hidden #< x ># >#b\" #\"\\#{who} and # and 50#\"",
        "\"ab\" \"#{who} and # and 50#\"",
    );
    check(
        "#\"#{{^k s}}#{ {{1 2}} }#{ ^a 1 }\"",
        "(#Str {^k s} {{1 2}} {^a 1})",
    );
    check(
        "#\"#{\"in\"}ner\" #\"a#(f \")\")\"",
        "\"inner\" (#Str \"a\" (f \")\"))",
    );
    check(
        "#\"a #{#\"b #{c}\"} d\"",
        "(#Str \"a \" (#Str \"b \" c) \" d\")",
    );
    check(
        "#\"\\t\\u0041#{ # note\n x }\\\"\"",
        "(#Str \"\\tA\" x \"\\\"\")",
    );
    check_errors("#\"#{}\"", &["Expect form in #{}"]);
    check_errors("#\"#{a b}\"", &["Expect } after the form"]);
    check_error("(f #\"abc)", "read_string failure: ErrQuoteExpected", "#\"");
    check_error(
        "#\"a #< b\"",
        "read_string failure: ErrQuoteExpected",
        "#\"",
    );
    check_error("#\"a #(b", "EOF while reading list )", "#(");
    check_error("#\"a #{b", "EOF while reading hole }", "#{");
}

#[test]
fn triple_interpolation() {
    check(
        "#\"\"\"say \"three\" or #{n}, \"#{(n * 2)}\" \"\"\"",
        "(#Str \"say \\\"three\\\" or \" n \", \\\"\" (n * 2) \"\\\" \")",
    );
    check("#\"\"\"  \n#{n}\n  \"\"\"", "(#Str \"\\n\" n \"\\n\")");
    check("#\"\"\"  #{n}  \"\"\"", "(#Str \"  \" n \"  \")");
    check("#\"\"\"\n x\n#< c >#  \"\"\"", "\"\\n x\\n  \"");
    check("#\"\"\"\"\"\"", "\"\"");
}

#[test]
fn spans() {
    let gene = only(" (f ^key [1] #\"a #{b}c\" `x)");
    let FormKind::Gene(gene_form) = &gene.kind else {
        panic!("{gene:?}")
    };
    let text = " (f ^key [1] #\"a #{b}c\" `x)";
    let at = |span: Span| &text[span.start as usize..span.end as usize];
    assert_eq!(at(gene.span), "(f ^key [1] #\"a #{b}c\" `x)");
    assert_eq!(at(gene_form.head.span), "f");
    assert_eq!(at(gene_form.props[0].key_span), "key");
    assert_eq!(at(gene_form.props[0].value.span), "[1]");
    assert_eq!(at(gene_form.children[0].span), "#\"a #{b}c\"");
    assert_eq!(at(gene_form.children[1].span), "`x");
    let FormKind::Gene(parts) = &gene_form.children[0].kind else {
        panic!("{gene:?}")
    };
    let spans: Vec<_> = parts.children.iter().map(|part| at(part.span)).collect();
    assert_eq!(spans, ["a ", "b", "c"]);
    assert_eq!(at(parts.head.span), "#\"a #{b}c\"");
}
