use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Any characters, most of them troublesome.
fn name() -> impl Strategy<Value = Word> {
    let odd = prop::sample::select(
        "abz019_=-+.^!/\\'\"#%`;()[]{}<>@$ ,\n\té日😀"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop_oneof![
        "[a-z]{1,4}".prop_map(Into::into),
        vec(prop_oneof![3 => odd, 1 => any::<char>()], 1..6)
            .prop_map(|chars| chars.into_iter().collect::<String>().into()),
        prop::sample::select(vec![
            "nil", "true", "%", "%=", "/", "/=", "_", "#", "-1", "...", "\\"
        ])
        .prop_map(Into::into),
    ]
}

fn temporal() -> impl Strategy<Value = Temporal> {
    let date = (1000_u16..=9999, 1_u8..=12, 1_u8..=31);
    let time = (0_u8..24, 0_u8..60, 0_u8..60, 0_u32..1_000_000);
    let zone = prop::option::of("[A-Z][a-z]{0,3}/[A-Z]{1,3}".prop_map(Box::from));
    let offset = prop::option::of(-1439_i16..=1439);
    (prop::option::of(date), prop::option::of(time), offset, zone).prop_map(
        |(date, time, offset, zone)| {
            let Some(time) = time else {
                return Temporal {
                    date: date.or(Some((2024, 1, 1))),
                    ..Temporal::default()
                };
            };
            let zone = zone.filter(|_| date.is_none() || offset.is_some());
            Temporal {
                date,
                time: Some(time),
                offset,
                zone,
            }
        },
    )
}

fn atom() -> impl Strategy<Value = FormKind> {
    let path = vec(prop_oneof![name(), Just("".into())], 2..5)
        .prop_filter("not spelled", |parts| {
            parts.len() > 2 || parts.iter().any(|part| !part.is_empty())
        });
    let segment = || "[a-z/\\\\()+]{0,6}".prop_map(Box::from);
    let regex = (
        segment(),
        prop::option::of(segment()),
        any::<(bool, bool)>(),
    )
        .prop_map(|(pattern, replacement, (ignore_case, dot_all))| {
            FormKind::Regex(Box::new(RegexForm {
                pattern,
                replacement,
                ignore_case,
                dot_all,
            }))
        });
    prop_oneof![
        Just(FormKind::Nil),
        Just(FormKind::Void),
        any::<bool>().prop_map(FormKind::Bool),
        any::<i64>().prop_map(FormKind::Int),
        any::<f64>()
            .prop_filter("nan", |x| !x.is_nan())
            .prop_map(FormKind::Float),
        any::<char>().prop_map(FormKind::Char),
        any::<String>().prop_map(|text| FormKind::Str(text.into())),
        name().prop_map(FormKind::Str),
        name().prop_map(FormKind::Symbol),
        path.prop_map(|parts| FormKind::Path(parts.into())),
        vec(any::<u8>(), 0..5).prop_map(|bytes| FormKind::Bytes(bytes.into())),
        temporal().prop_map(|temporal| FormKind::Temporal(Box::new(temporal))),
        regex,
    ]
}

fn entries(form: impl Strategy<Value = Form>) -> impl Strategy<Value = Vec<Entry>> {
    vec((name(), form), 0..4).prop_map(|pairs| {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in pairs {
            if key.starts_with("...") || entries.iter().all(|entry| entry.key != key) {
                entries.push(Entry {
                    key,
                    key_span: Span::default(),
                    value,
                });
            }
        }
        entries
    })
}

fn form() -> impl Strategy<Value = Form> {
    let bare = |kind| Form {
        kind,
        span: Span::default(),
    };
    atom().prop_map(bare).prop_recursive(5, 40, 5, move |form| {
        let items = (vec(form.clone(), 0..5), any::<bool>()).prop_map(|(items, sealed)| Items {
            items: items.into(),
            sealed,
        });
        let map = (entries(form.clone()), any::<bool>()).prop_map(|(entries, sealed)| {
            FormKind::Map(Entries {
                entries: entries.into(),
                sealed,
            })
        });
        let gene = (
            form.clone(),
            entries(form.clone()),
            vec(form.clone(), 0..4),
            any::<bool>(),
        )
            .prop_map(|(head, props, children, sealed)| {
                FormKind::Gene(Box::new(GeneForm {
                    head,
                    props,
                    children,
                    sealed,
                }))
            });
        prop_oneof![
            items.clone().prop_map(FormKind::Array),
            items.prop_map(FormKind::HashMap),
            map,
            gene,
            form.clone()
                .prop_map(|form| FormKind::Quote(Box::new(form))),
            (form, any::<bool>()).prop_map(|(form, discard)| FormKind::Unquote {
                form: Box::new(form),
                discard
            }),
        ]
        .prop_map(bare)
    })
}

/// Text of pieces that mean something to the reader.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "(", ")", "[", "]", "{", "}", "{{", "}}", "#(", "#[", "#{", "#{{", "#@", "#\"", "\"",
        "\"\"\"", "#\"\"\"", "#<", ">#", "#<<", ">>#", "# ", "\n", " ", ",", ";", "`", "%", "%_",
        "%=", "^", "^^", "^!", "^a", "^a^b", "...", "a", "/", "\\", "\\u12", "\\ud83d", "'", "'a'",
        "1", "-", "+5", "0x", "0#", "0!", "0*", "~", "=", "1/2", "2024-", "01-", "10:", "00", "T",
        "Z", ".5", "[A/B]", "#/", "/i", "e9", "é", "😀", "nil",
    ];
    vec(prop::sample::select(pieces), 0..60).prop_map(|pieces| pieces.concat())
}

/// What must hold for any input at all.
fn check_any(text: &[u8]) -> Result<(), TestCaseError> {
    let read = read_all(text);
    prop_assert!(read.errors.len() <= MAX_ERRORS);
    for error in &read.errors {
        prop_assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len());
        prop_assert!(!error.message.is_empty());
    }
    let starts = read
        .errors
        .windows(2)
        .all(|pair| pair[0].span.start <= pair[1].span.start);
    prop_assert!(starts, "{:?}", read.errors);
    for form in &read.forms {
        let written = write_form(form);
        let again = read_all(written.as_bytes());
        prop_assert!(again.errors.is_empty(), "{written}: {:?}", again.errors);
        prop_assert!(
            again.forms.len() == 1 && again.forms[0].same_data(form),
            "{written}"
        );
    }
    match read_one(text) {
        Ok((form, end)) => {
            prop_assert!(end <= text.len() && form.span.end as usize == end);
            if read.errors.is_empty() {
                prop_assert!(form.same_data(&read.forms[0]));
            }
        }
        Err(error) => prop_assert!(!read.errors.is_empty() || error.message.starts_with("EOF")),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn written_forms_read_back(form in form()) {
        let text = write_form(&form);
        let read = read_all(text.as_bytes());
        prop_assert!(read.errors.is_empty(), "{text}: {:?}", read.errors);
        prop_assert!(read.forms.len() == 1 && read.forms[0].same_data(&form), "{text}");
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..200)) {
        check_any(&bytes)?;
    }

    #[test]
    fn any_characters_are_survived(text in any::<String>()) {
        check_any(text.as_bytes())?;
    }

    #[test]
    fn floats_print_their_value(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = format_float(value);
        prop_assert!(value.is_nan() || text.parse() == Ok(value), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn token_soups_are_survived(text in soup()) {
        check_any(text.as_bytes())?;
    }
}
