//! What the command lines of this crate's programs share: options, sources, output, failures.

use std::fmt::Display;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use gene_format::aligned::Aligned;
use gene_format::dump::{Select, gather, render};
use gene_format::image::CheckedImage;
use gene_format::program::Program;
use gene_format::text::{Form, read_all};
use gene_format::write::{WriteOptions, write_image};

use crate::compile::{self, Level, Options};
use crate::diag::{Diagnostic, Diagnostics, Format};
use crate::disk::{self, Disk};
use crate::gene::{self, Files};
use crate::separate;
use crate::source::{FileId, SourceMap};

/// Options of every program that compiles.
#[derive(Args, Clone, Debug)]
pub struct CompileArgs {
    /// How much to optimise.
    #[arg(short = 'O', value_name = "LEVEL", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=1))]
    pub optimise: u8,

    /// Refuse nil where a type does not name it.
    #[arg(long)]
    pub strict_nil: bool,

    /// Ignore type annotations.
    #[arg(long, alias = "no-typecheck")]
    pub no_type_check: bool,

    /// Whether `^pre` and `^post` are checked.
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t = Switch::On)]
    pub contracts: Switch,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub errors: ErrorArgs,
}

/// Options of every program that reports errors in sources.
#[derive(Args, Clone, Debug)]
pub struct ErrorArgs {
    /// How to print errors of the compiler.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = ErrorFormat::Text)]
    pub error_format: ErrorFormat,

    /// Whether errors have colours.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// How diagnostics are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[allow(missing_docs)]
pub enum ErrorFormat {
    Text,
    Json,
    Gene,
}

/// Whether text has colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[allow(missing_docs)]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// A switch with a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[allow(missing_docs)]
pub enum Switch {
    #[value(aliases = ["true", "1"])]
    On,
    #[value(aliases = ["false", "0"])]
    Off,
}

/// What a command line without options says.
impl Default for CompileArgs {
    fn default() -> CompileArgs {
        CompileArgs {
            optimise: 1,
            strict_nil: false,
            no_type_check: false,
            contracts: Switch::On,
            errors: ErrorArgs {
                error_format: ErrorFormat::Text,
                color: Colour::Auto,
            },
        }
    }
}

impl CompileArgs {
    /// What the compiler is told.
    pub fn options(&self) -> Options {
        Options {
            front: gene::Options {
                contracts: self.contracts == Switch::On,
                type_check: !self.no_type_check,
                interfaces: false,
            },
            strict_nil: self.strict_nil,
            level: match self.optimise {
                0 => Level::None,
                _ => Level::Full,
            },
        }
    }

    /// The image of a program with all modules it imports. Needs the stack of
    /// [`compile::on_large_stack`].
    ///
    /// # Errors
    ///
    /// What is wrong with the program, rendered; or its path.
    pub fn image(&self, source: &Source) -> Result<Vec<u8>, Failure> {
        self.image_and_warnings(source).map(|(image, _)| image)
    }

    /// As `image`, with what is suspicious about the program, rendered.
    ///
    /// # Errors
    ///
    /// As `image`.
    pub fn image_and_warnings(&self, source: &Source) -> Result<(Vec<u8>, String), Failure> {
        self.image_from(source, &mut Disk, &WriteOptions::default())
    }

    /// As `image_and_warnings`, with what is imported from `files`.
    ///
    /// # Errors
    ///
    /// As `image`.
    pub fn image_from(
        &self,
        source: &Source,
        files: &mut dyn Files,
        write: &WriteOptions,
    ) -> Result<(Vec<u8>, String), Failure> {
        let mut sources = SourceMap::new();
        let (main, path) = source.add_to(&mut sources)?;
        let options = self.options();
        let failed =
            |found: Diagnostics, sources: &SourceMap| Err(self.errors.failure(&found, sources));
        let hir = match compile::lower(&mut sources, main, &path, files, &options) {
            Ok(hir) => hir,
            Err(found) => return failed(found, &sources),
        };
        let image = compile::generate(&hir, &sources, &options)
            .and_then(|program| image_with_sources(program, &sources, write));
        match image {
            Ok(image) => Ok((image, hir.warnings.render(&sources, self.errors.format()))),
            Err(found) => failed(found, &sources),
        }
    }
}

/// An image among those of a program: its file, relative to the folder of the main image, and its
/// bytes.
pub type SeparateImage = (String, Vec<u8>);

impl CompileArgs {
    /// The images of a program, one for each module in the order in which they run, and what is
    /// suspicious about the program, rendered. Needs the stack of [`compile::on_large_stack`].
    ///
    /// # Errors
    ///
    /// As [`CompileArgs::image`]; two modules whose images would be the same file.
    pub fn separate_images(
        &self,
        source: &Source,
        write: &WriteOptions,
    ) -> Result<(Vec<SeparateImage>, String), Failure> {
        let mut sources = SourceMap::new();
        let (main, path) = source.add_to(&mut sources)?;
        let mut options = self.options();
        options.front.interfaces = true;
        let mut compiled = || -> Result<_, Diagnostics> {
            let hir = compile::lower(&mut sources, main, &path, &mut Disk, &options)?;
            let warnings = hir.warnings.render(&sources, self.errors.format());
            let mut images = Vec::new();
            for part in separate::generate(hir, &sources, &options)? {
                images.push((
                    part.path,
                    image_with_sources(part.program, &sources, write)?,
                ));
            }
            Ok((images, warnings))
        };
        compiled().map_err(|found| self.errors.failure(&found, &sources))
    }
}

/// Writes images below a folder, each only if it changes, or `force` is set; the main one, the
/// last, when all it needs are there. Tells of each whether it was written.
///
/// # Errors
///
/// A file cannot be written.
pub fn write_separate(
    folder: &Path,
    images: &[SeparateImage],
    force: bool,
    mut tell: impl FnMut(&Path, bool) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (path, image) in images {
        let path = folder.join(path);
        let is_new = force || !std::fs::read(&path).is_ok_and(|old| old == *image);
        if is_new {
            let folder = path.parent().unwrap_or(Path::new(""));
            std::fs::create_dir_all(folder)
                .and_then(|()| disk::write_whole(&path, image))
                .map_err(|error| Failure::file(&path, &error))?;
        }
        tell(&path, is_new)?;
    }
    Ok(())
}

impl ErrorArgs {
    /// How to write diagnostics to standard error.
    pub fn format(&self) -> Format {
        match self.error_format {
            ErrorFormat::Json => Format::Json,
            ErrorFormat::Gene => Format::Gene,
            ErrorFormat::Text => Format::Text {
                colour: match self.color {
                    Colour::Auto => has_colours(&io::stderr()),
                    Colour::Always => true,
                    Colour::Never => false,
                },
            },
        }
    }

    /// Diagnostics as the failure of a program.
    pub fn failure(&self, found: &Diagnostics, sources: &SourceMap) -> Failure {
        Failure::Program(found.render(sources, self.format()))
    }

    /// The forms of a text.
    ///
    /// # Errors
    ///
    /// What the reader complains about, rendered.
    pub fn forms(&self, sources: &SourceMap, file: FileId) -> Result<Vec<Form>, Failure> {
        let read = read_all(sources.text(file));
        if read.errors.is_empty() {
            return Ok(read.forms);
        }
        let mut found = Diagnostics::new();
        let errors = read.errors.into_iter();
        found.extend(errors.map(|error| Diagnostic::from_read_error(file, error)));
        Err(self.failure(&found, sources))
    }
}

/// Whether a stream shows colours: a terminal, unless `NO_COLOR` is set to anything.
pub fn has_colours(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused
}

/// As [`image()`], with the source texts if the options say so.
///
/// # Errors
///
/// What exceeds the format's limits.
pub fn image_with_sources(
    mut program: Program,
    sources: &SourceMap,
    options: &WriteOptions,
) -> Result<Vec<u8>, Diagnostics> {
    if options.sources {
        compile::keep_sources(&mut program, sources);
    }
    image(&program, options)
}

/// The bytes of a program's image.
///
/// # Errors
///
/// What exceeds the format's limits.
pub fn image(program: &Program, options: &WriteOptions) -> Result<Vec<u8>, Diagnostics> {
    write_image(program, options).map_err(|error| {
        let mut found = Diagnostics::new();
        let text = format!("the program does not fit an image: {error}");
        found.push(Diagnostic::without_place("GENE.COMPILE.LIMIT", text));
        found
    })
}

/// The instructions of an image that was just made, as gene-dump shows them.
///
/// # Errors
///
/// The image is damaged.
pub fn listing(image: &[u8]) -> Result<String, Failure> {
    let aligned = Aligned::new(image);
    let failed = |error: &dyn Display| Failure::File(format!("the image just made: {error}"));
    let checked = CheckedImage::parse(&aligned).map_err(|error| failed(&error))?;
    let facts = gather(&checked, &Select::default()).map_err(|error| failed(&error))?;
    Ok(render(&facts, false))
}

/// A text to work on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What messages call it.
    pub name: String,
    /// Where it lies, or would lie: imports are searched beside it.
    pub path: PathBuf,
    /// The text.
    pub text: Vec<u8>,
}

impl Source {
    /// Reads a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn read(path: &Path) -> Result<Source, Failure> {
        match path == Path::new("-") {
            true => Source::standard_input(),
            false => Source::file(path),
        }
    }

    /// Reads a file of any name.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn file(path: &Path) -> Result<Source, Failure> {
        let text = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        Ok(Source {
            name: path.to_string_lossy().into_owned(),
            path: path.to_owned(),
            text,
        })
    }

    /// Reads standard input to its end.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn standard_input() -> Result<Source, Failure> {
        let mut text = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut text);
        read.map_err(|error| Failure::file(Path::new("standard input"), &error))?;
        Ok(Source::code("<stdin>", text))
    }

    /// A text without a file.
    pub fn code(name: &str, text: impl Into<Vec<u8>>) -> Source {
        Source {
            name: name.to_owned(),
            path: name.into(),
            text: text.into(),
        }
    }

    /// The number of the source and its absolute path.
    ///
    /// # Errors
    ///
    /// There is no working directory.
    pub fn add_to(&self, sources: &mut SourceMap) -> Result<(FileId, String), Failure> {
        let path = disk::absolute(&self.path).map_err(|error| Failure::file(&self.path, &error))?;
        Ok((sources.add(self.name.clone(), self.text.clone()), path))
    }
}

/// Why a command failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The program, or the text, has errors: complete lines.
    Program(String),
    /// The command makes no sense.
    Usage(String),
    /// A file cannot be read or written.
    File(String),
    /// An image does not start.
    Image {
        /// The exit code.
        code: i32,
        /// The image and why.
        text: String,
    },
}

impl Failure {
    /// A file and what happened to it.
    pub fn file(path: &Path, error: &impl Display) -> Failure {
        Failure::File(format!("{}: {error}", path.display()))
    }

    /// The exit code.
    pub fn code(&self) -> i32 {
        match self {
            Failure::Program(_) => 1,
            Failure::Usage(_) => 2,
            Failure::File(_) => 3,
            Failure::Image { code, .. } => *code,
        }
    }

    /// Writes the failure to standard error and gives its exit code.
    pub fn report(&self, program: &str) -> i32 {
        match self {
            Failure::Program(text) => complain(text),
            Failure::Usage(text) | Failure::File(text) | Failure::Image { text, .. } => {
                complain(&format!("{program}: {text}\n"));
            }
        }
        self.code()
    }
}

/// Writes to standard error; if that fails there is nowhere else to complain.
pub fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes a text to standard output. A reader that went away is no failure.
///
/// # Errors
///
/// It cannot be written.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::File(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// As [`write()`], with a line break at the end if there is none.
///
/// # Errors
///
/// As `write`.
pub fn write_lines(text: &str) -> Result<(), Failure> {
    match text.ends_with('\n') {
        true => write(text),
        false => write(&format!("{text}\n")),
    }
}
