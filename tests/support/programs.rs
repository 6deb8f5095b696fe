//! Building, finding and running the programs under test.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The programs of this workspace, built in the profile of the tests.
pub struct Programs {
    /// `gene-compile`
    pub compile: PathBuf,
    /// `gene-vm`
    pub vm: PathBuf,
    /// `gene-dump`
    pub dump: PathBuf,
    /// `gene`
    pub gene: PathBuf,
}

/// The programs, built at the first call.
///
/// # Panics
/// If they cannot be built.
pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(build)
}

fn build() -> Programs {
    // TARGET/PROFILE/deps/TEST
    let test = std::env::current_exe().expect("the path of the test");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("a test lies in a target folder");
    let target = folder.parent().expect("a target folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(name) => name,
        None => panic!("no profile in {}", test.display()),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(super::root())
        .args(["build", "--quiet", "--workspace", "--bins"])
        .args(["--profile", profile])
        .arg("--target-dir")
        .arg(target);
    let status = command.status().expect("cargo can be started");
    assert!(status.success(), "the programs do not build");
    let find = |name: &str| {
        let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        assert!(path.is_file(), "there is no {}", path.display());
        path
    };
    Programs {
        compile: find("gene-compile"),
        vm: find("gene-vm"),
        dump: find("gene-dump"),
        gene: find("gene"),
    }
}

/// What a program did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// The exit code; none if a signal ended it or it took too long.
    pub code: Option<i32>,
    /// Why there is no exit code.
    pub end: String,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// Everything, to show in a failure.
    pub fn describe(&self) -> String {
        let code = self
            .code
            .map_or_else(|| self.end.clone(), |code| format!("exit code {code}"));
        let shorten = |text: &str| match text.char_indices().nth(2000) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text.to_owned(),
        };
        format!(
            "{code}\n--- standard output\n{}\n--- standard error\n{}",
            shorten(&self.out),
            shorten(&self.err)
        )
    }

    /// Asserts an exit code.
    ///
    /// # Panics
    /// If it is another.
    #[track_caller]
    pub fn expect(&self, code: i32) -> &Output {
        assert_eq!(self.code, Some(code), "{}", self.describe());
        self
    }

    /// Asserts that standard error is one line that contains a text.
    ///
    /// # Panics
    /// If not.
    #[track_caller]
    pub fn one_line(&self, fragment: &str) -> &Output {
        let lines = self.err.lines().count();
        assert!(
            lines == 1 && self.err.contains(fragment),
            "not one line with `{fragment}`: {}",
            self.describe()
        );
        self
    }
}

/// Runs a command for at most two minutes.
///
/// # Panics
/// If it cannot be started.
pub fn run(command: &mut Command) -> Output {
    run_within(command, Duration::from_secs(120))
}

/// Runs a command; kills it after `limit`.
///
/// # Panics
/// If it cannot be started.
pub fn run_within(command: &mut Command, limit: Duration) -> Output {
    watch(command.stdin(Stdio::null()), limit, &[])
}

/// Runs a command that reads `input`, for at most two minutes.
///
/// # Panics
/// If it cannot be started.
pub fn run_with(command: &mut Command, input: &[u8]) -> Output {
    watch(
        command.stdin(Stdio::piped()),
        Duration::from_secs(120),
        input,
    )
}

fn watch(command: &mut Command, limit: Duration, input: &[u8]) -> Output {
    let start = Instant::now();
    // Programs compile anew, and nothing is written below the home, unless a test wants it.
    if command.get_envs().all(|(name, _)| name != "GENE_CACHE_DIR") {
        command.env("GENE_CACHE_DIR", "");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    if let Some(mut pipe) = child.stdin.take() {
        let input = input.to_vec();
        // the command may end without reading it
        std::thread::spawn(move || std::io::Write::write_all(&mut pipe, &input));
    }
    let out = reader(child.stdout.take().expect("piped"));
    let err = reader(child.stderr.take().expect("piped"));
    let mut pause = Duration::from_micros(200);
    let (code, end) = loop {
        match child.try_wait().expect("the child is ours") {
            Some(status) => break (status.code(), format!("ended by {status}")),
            None if start.elapsed() > limit => {
                child.kill().expect("the child is ours");
                child.wait().expect("the child is ours");
                break (None, format!("ran longer than {limit:?}"));
            }
            None => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    let text = |handle: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&handle.join().expect("a reader does not panic")).into_owned()
    };
    Output {
        code,
        end,
        out: text(out),
        err: text(err),
    }
}

fn reader(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
