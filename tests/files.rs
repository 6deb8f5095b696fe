//! Files that are not what they should be. Each gives one clear line, the documented exit code,
//! and leaves nothing behind.

use gene_aot::{Output, Scratch, programs, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HELLO: &str = "(println \"hello\")\n";

/// A folder with `hello.gene` and its image.
fn hello() -> (Scratch, PathBuf, PathBuf) {
    let scratch = Scratch::new();
    let source = scratch.write("hello.gene", HELLO);
    let image = scratch.file("hello.gir");
    compile(&[&source, Path::new("-o"), &image]).expect(0);
    (scratch, source, image)
}

fn compile(args: &[&Path]) -> Output {
    run(Command::new(&programs().compile).args(args))
}

fn vm(image: &Path) -> Output {
    run(Command::new(&programs().vm).arg(image))
}

fn dump(image: &Path) -> Output {
    run(Command::new(&programs().dump).arg("verify").arg(image))
}

/// Both readers of images refuse a file in the same way.
#[track_caller]
fn refused(image: &Path, code: i32, fragment: &str) {
    for output in [vm(image), dump(image)] {
        output.expect(code).one_line(fragment);
        assert_eq!(output.out, "");
        let name = image.file_name().expect("a name").to_string_lossy();
        assert!(output.err.contains(&*name), "no name in {}", output.err);
    }
}

#[test]
fn what_is_no_image_is_refused() {
    let (scratch, source, image) = hello();
    refused(&source, 4, "no Gene image");
    refused(&programs().vm, 4, "no Gene image");
    refused(&scratch.write("empty.gir", ""), 4, "");
    refused(&scratch.write("short.gir", "\u{89}GIR"), 4, "");
    refused(&scratch.write("zeros.gir", [0; 4096]), 4, "no Gene image");
    let bytes = std::fs::read(&image).expect("the image");
    for len in [1, 7, 8, 64, 127, 128, 129, bytes.len() - 1] {
        refused(&scratch.write("cut.gir", &bytes[..len]), 4, "");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    refused(&scratch.write("longer.gir", &longer), 4, "");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    refused(&scratch.write("as-text.gir", text), 4, "no Gene image");
    // line ends turned by a transfer as text
    let turned: Vec<u8> = bytes.iter().copied().filter(|b| *b != b'\r').collect();
    refused(&scratch.write("turned.gir", turned), 4, "");
}

/// Writes an image with a header field changed and the checksums repaired.
fn with_field(scratch: &Scratch, image: &Path, at: usize, value: &[u8]) -> PathBuf {
    let mut bytes = std::fs::read(image).expect("the image");
    bytes[at..at + value.len()].copy_from_slice(value);
    gene_format::testing::reseal(&mut bytes);
    // resealing finds nothing to do if the header is not of this version
    let crc = crc32(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    scratch.write("other.gir", bytes)
}

/// CRC32 as in zip files.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

// Offsets of the header's frozen prefix, see format/FORMAT.md.
const HEADER_LEN: usize = 8;
const MAJOR: usize = 12;
const ABI: usize = 40;

/// The version that the programs under test have.
const OWN_MINOR: u16 = gene_format::version::MINOR;

/// An image with a section of an unknown kind behind all others.
pub fn with_section(image: &[u8], flags: u8) -> Vec<u8> {
    const ENTRY: usize = 40;
    let count = usize::from(image[20]);
    let (head, rest) = image.split_at(128 + count * ENTRY);
    let mut out = head.to_vec();
    for entry in out[128..].chunks_mut(ENTRY) {
        let offset = u64::from_le_bytes(entry[8..16].try_into().expect("8 bytes"));
        entry[8..16].copy_from_slice(&(offset + ENTRY as u64).to_le_bytes());
    }
    let offset = (image.len() + ENTRY).next_multiple_of(8) as u64;
    out.extend([b'X', b'X', b'X', b'X', flags, 0, 0, 0]);
    out.extend(offset.to_le_bytes());
    out.extend(8_u64.to_le_bytes());
    out.extend([1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(rest);
    out.resize(offset as usize, 0);
    out.extend(b"surprise");
    out[20] += 1;
    let len = out.len() as u64;
    out[24..32].copy_from_slice(&len.to_le_bytes());
    gene_format::testing::reseal(&mut out);
    out
}

/// Which images run, by version, and by sections that this version does not know.
#[test]
fn images_of_other_versions_run_or_are_refused_for_the_right_reason() {
    let (scratch, _, image) = hello();
    let bytes = std::fs::read(&image).expect("the image");
    let plain = (None, "");
    let optional = (Some(0), "");
    let required = (Some(1), "XXXX");
    for (major, minor, refusal) in [
        (1, 0, ""),
        (1, 1, ""),
        (1, OWN_MINOR, ""),
        (1, OWN_MINOR + 1, "version 1."),
        (1, 9, "version 1.9"),
        (1, u16::MAX, "version 1.65535"),
        (0, OWN_MINOR, "version 0."),
        (2, 0, "version 2.0"),
        (2, OWN_MINOR, "version 2."),
        (u16::MAX, 0, "version 65535.0"),
    ] {
        for (section, reason) in [plain, optional, required] {
            let with = section.map_or(bytes.clone(), |flags| with_section(&bytes, flags));
            let base = scratch.write("base.gir", &with);
            let [major, minor] = [major, minor].map(u16::to_le_bytes);
            let version = [major, minor].concat();
            let other = with_field(&scratch, &base, MAJOR, &version);
            // the version is looked at before anything else
            match (refusal, reason) {
                ("", "") => {
                    assert_eq!(vm(&other).expect(0).out, "hello\n");
                    dump(&other).expect(0);
                }
                ("", reason) => refused(&other, 4, reason),
                (refusal, _) => refused(&other, 4, refusal),
            }
        }
    }
    let other = with_field(&scratch, &image, ABI, b"another compiler");
    vm(&other).expect(4).one_line("compile");
}

#[test]
fn images_of_another_byte_order_are_refused() {
    let (scratch, _, image) = hello();
    let bytes = std::fs::read(&image).expect("the image");
    // every field of the header the other way round, as a big-endian machine would write it
    let sizes = [4, 2, 2, 4, 2, 2, 8, 4, 4];
    let mut header = bytes[..128].to_vec();
    let mut at = HEADER_LEN;
    for size in sizes {
        header[at..at + size].reverse();
        at += size;
    }
    let crc = crc32(&header[..124]);
    header[124..128].copy_from_slice(&crc.to_be_bytes());
    let other = scratch.write("swapped.gir", [&header[..], &bytes[128..]].concat());
    refused(&other, 4, "");
}

#[test]
fn what_cannot_be_read_is_said() {
    let (scratch, _, _) = hello();
    refused(&scratch.file("missing.gir"), 3, "No such file");
    std::fs::create_dir(scratch.file("folder.gir")).expect("a folder");
    refused(&scratch.file("folder.gir"), 3, "directory");
    for source in ["missing.gene", "folder.gir"] {
        let image = scratch.file("out.gir");
        let output = compile(&[&scratch.file(source), Path::new("-o"), &image]);
        output.expect(3).one_line(source);
        assert!(!image.exists());
    }
}

#[test]
#[cfg(unix)]
fn what_may_not_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let (scratch, source, image) = hello();
    for file in [&source, &image] {
        std::fs::set_permissions(file, PermissionsExt::from_mode(0o000)).expect("our file");
    }
    // root reads everything
    if std::fs::read(&image).is_ok() {
        vm(&image).expect(0);
        return;
    }
    refused(&image, 3, "denied");
    let output = compile(&[&source, Path::new("-o"), &scratch.file("out.gir")]);
    output.expect(3).one_line("denied");
}

#[test]
fn sources_that_are_no_text_are_reported() {
    let (scratch, _, image) = hello();
    let sources: [(&str, &[u8], i32); 5] = [
        ("empty.gene", b"", 0),
        ("blank.gene", b"  \n\n", 0),
        ("mark.gene", b"\xef\xbb\xbf(println 1)\n", 0),
        ("latin.gene", b"(println \"\xe9\")\n", 1),
        ("zero.gene", b"(println \"a\0b\")\n(", 1),
    ];
    for (name, text, code) in sources {
        let out = scratch.file(&format!("{name}.gir"));
        let output = compile(&[&scratch.write(name, text), Path::new("-o"), &out]);
        output.expect(code);
        assert_eq!(out.exists(), code == 0, "{name}");
        assert!(
            code == 0 || output.err.contains(name),
            "{}",
            output.describe()
        );
    }
    // an image is not a source
    let out = scratch.file("image-as-source.gir");
    let output = compile(&[&image, Path::new("-o"), &out]);
    output.expect(1);
    assert!(!out.exists());
}

#[test]
fn an_image_in_place_of_the_old_one_or_nothing() {
    let (scratch, source, image) = hello();
    let before = std::fs::read(&image).expect("the image");
    let names = scratch.names();

    // a program with errors leaves the old image alone
    scratch.write("hello.gene", "(println (");
    compile(&[&source, Path::new("-o"), &image]).expect(1);
    assert_eq!(std::fs::read(&image).expect("the image"), before);
    assert_eq!(scratch.names(), names);

    // a target that cannot be written leaves nothing behind
    scratch.write("hello.gene", HELLO);
    for target in ["no/such/folder/x.gir", "hello.gene/x.gir"] {
        let output = compile(&[&source, Path::new("-o"), &scratch.file(target)]);
        output.expect(3).one_line("x.gir");
    }
    std::fs::create_dir(scratch.file("folder")).expect("a folder");
    let output = compile(&[&source, Path::new("-o"), &scratch.file("folder")]);
    output.expect(3).one_line("folder");
    assert_eq!(
        std::fs::read_dir(scratch.file("folder"))
            .expect("it")
            .count(),
        0
    );
    std::fs::remove_dir(scratch.file("folder")).expect("it is empty");
    assert_eq!(scratch.names(), names);

    // the same program gives the same image again
    compile(&[&source, Path::new("-o"), &image]).expect(0);
    assert_eq!(std::fs::read(&image).expect("the image"), before);
    assert_eq!(scratch.names(), names);
}

#[test]
fn many_compilers_write_one_image() {
    let (scratch, source, image) = hello();
    let names = scratch.names();
    let jobs: Vec<usize> = (0..40).collect();
    let outputs = gene_aot::in_parallel(&jobs, |at| {
        if at % 2 == 0 {
            compile(&[&source, Path::new("-o"), &image])
        } else {
            vm(&image)
        }
    });
    for output in outputs {
        output.expect(0);
        assert!(
            output.out.is_empty() || output.out == "hello\n",
            "{}",
            output.describe()
        );
    }
    assert_eq!(scratch.names(), names);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let (scratch, source, image) = hello();
    let full = || {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full");
        Stdio::from(file.expect("/dev/full"))
    };
    let start = |command: &mut Command| {
        let child = command
            .stdin(Stdio::null())
            .stdout(full())
            .stderr(Stdio::piped());
        let output = child
            .spawn()
            .expect("it starts")
            .wait_with_output()
            .expect("it ends");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, err) = start(Command::new(&programs().vm).arg(&image));
    assert_eq!((code, err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("standard output"), "{err}");
    let (code, err) = start(Command::new(&programs().dump).arg(&image));
    assert_eq!((code, err.lines().count()), (Some(3), 1), "{err}");
    let emit = ["--emit", "ops"];
    let (code, err) = start(Command::new(&programs().compile).args(emit).arg(&source));
    assert_eq!((code, err.lines().count()), (Some(3), 1), "{err}");

    // an image is never written over a device
    let output = compile(&[&source, Path::new("-o"), Path::new("/dev/full")]);
    assert!(matches!(output.code, Some(0 | 3)), "{}", output.describe());
    assert_eq!(scratch.names(), ["hello.gene", "hello.gir"]);
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let scratch = Scratch::new();
    let source = scratch.write("many.gene", "(loop (println \"line\"))\n");
    let one = scratch.write(
        "one.gene",
        "(try (println \"line\") (flush) catch * (throw \"caught\"))\n",
    );
    let image = scratch.file("many.gir");
    compile(&[&source, Path::new("-o"), &image]).expect(0);
    let vm = |image: &Path| {
        let mut command = Command::new(&programs().vm);
        command.arg(image);
        command
    };
    let gene = |source: &Path| {
        let mut command = Command::new(&programs().gene);
        command.arg("run").arg(source);
        command
    };
    for mut command in [vm(&image), gene(&source), gene(&one)] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts")
            .wait_with_output()
            .expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*err), (Some(0), ""), "{command:?}");
    }
}

/// A source whose image is large enough to be mapped; `last` follows five thousand functions.
fn large(scratch: &Scratch, last: &str) -> PathBuf {
    let mut text = String::new();
    for i in 0..5_000 {
        text.push_str(&format!(
            "(fn f{i} [a b] (if (a > b) (println \"f{i}\" a) else (+ a b {i})))\n"
        ));
    }
    text.push_str(last);
    let source = scratch.write("large.gene", text);
    let image = scratch.file("large.gir");
    compile(&[&source, Path::new("-o"), &image]).expect(0);
    assert!(std::fs::metadata(&image).expect("the image").len() > 256 << 10);
    image
}

/// A program that waits for a line before it goes on, and what the system says is mapped by then.
#[cfg(target_os = "linux")]
fn waiting(image: &Path, options: &[&str]) -> (std::process::Child, String) {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(&programs().vm)
        .args(options)
        .arg(image)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.as_mut().expect("piped"));
    out.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", child.id())).expect("maps");
    (child, maps)
}

#[test]
#[cfg(target_os = "linux")]
fn images_are_mapped_only_where_others_cannot_change_them() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let scratch = Scratch::new();
    let folder = scratch.path().join("own");
    std::fs::create_dir(&folder).expect("new");
    let text = "(println \"ready\") (flush) (readline) (println (f4999 1 2))\n";
    let image = folder.join("large.gir");
    std::fs::rename(large(&scratch, text), &image).expect("renamed");
    let chmod = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("ours");
    };
    let link = scratch.file("link.gir");
    symlink(&image, &link).expect("new");
    let is_mapped = |image: &Path, options: &[&str]| {
        let (child, maps) = waiting(image, options);
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.stdout, b"5002\n");
        maps.contains("large.gir")
    };
    for (file, dir, want) in [
        (0o644, 0o755, true),
        (0o600, 0o700, true),
        (0o664, 0o755, false),
        (0o646, 0o755, false),
        (0o644, 0o775, false),
        (0o644, 0o1757, false),
    ] {
        chmod(&image, file);
        chmod(&folder, dir);
        assert_eq!(is_mapped(&image, &[]), want, "{file:o} in {dir:o}");
    }
    assert!(!is_mapped(&link, &[]), "what the link leads to decides");
    chmod(&folder, 0o755);
    assert!(is_mapped(&link, &[]));
    assert!(!is_mapped(&image, &["--sandbox"]));
    assert!(is_mapped(&image, &["--deny-all"]));

    // a signal that somebody sends is none of ours
    let (child, _) = waiting(&image, &[]);
    let line = format!("kill -s BUS {}", child.id()); // the shell has it, wherever there is none
    let sent = Command::new("sh").args(["-c", &line]).status();
    assert!(sent.expect("a shell starts").success());
    let output = child.wait_with_output().expect("it ends");
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!((signal, &*output.stderr), (Some(7), &b""[..]));

    // the file becomes shorter under the running program
    let (mut child, _) = waiting(&image, &[]);
    let file = std::fs::File::options().write(true).open(&image);
    file.and_then(|file| file.set_len(4096)).expect("shorter");
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert!(err.contains("became shorter"), "{err}");
}

#[test]
fn a_large_image_is_mapped_and_runs() {
    let scratch = Scratch::new();
    let image = large(&scratch, "(println (f4999 1 2))\n");
    let output = vm(&image);
    output.expect(0);
    assert_eq!(output.out, "5002\n");
    // damage in a function that is not called is found when asked for
    let mut bytes = std::fs::read(&image).expect("the image");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let damaged = scratch.write("damaged.gir", bytes);
    dump(&damaged).expect(4).one_line("damaged.gir");
    run(Command::new(&programs().vm)
        .arg("--verify=eager")
        .arg(&damaged))
    .expect(4);
}
