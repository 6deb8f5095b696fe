//! `gene gir`: what gene-dump does, for those who have only `gene` at hand.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use gene_compiler::cli::{self, Failure};
use gene_compiler::disk;
use gene_format::aligned::Aligned;
use gene_format::dump::{Select, gather, render};
use gene_format::image::CheckedImage;
use gene_format::verify::verify_image;
use gene_format::write::strip;

const EXAMPLE: &str = "\
Examples:
  gene gir show --function main app.gir
  gene gir verify app.gir
  gene gir strip app.gir -o small.gir";

/// Show, check and strip images.
#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub struct Gir {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show header, sections, functions and constants.
    #[command(alias = "visualize")]
    Show {
        /// The image.
        file: PathBuf,
        /// Show the same facts as JSON.
        #[arg(long)]
        json: bool,
        /// Show only functions of this name, or the one with this id (f3).
        #[arg(long, value_name = "NAME|fN", conflicts_with = "header_only")]
        function: Option<String>,
        /// Show only header, sections and META.
        #[arg(long)]
        header_only: bool,
    },
    /// Check everything: checksums, records, the code of every function.
    Verify {
        /// The image.
        file: PathBuf,
    },
    /// Remove positions, variable names and sources.
    Strip {
        /// The image.
        file: PathBuf,
        /// Where to write the result; may be the image itself.
        #[arg(short, long, value_name = "OUT")]
        output: PathBuf,
    },
}

/// Does what is asked with an image.
pub fn gir(args: &Gir) -> Result<i32, Failure> {
    match &args.command {
        Command::Show {
            file,
            json,
            function,
            header_only,
        } => {
            let select = Select {
                header_only: *header_only,
                function: function.clone(),
                ..Select::default()
            };
            show(file, &select, *json)
        }
        Command::Verify { file } => {
            let bytes = read(file)?;
            let verified = verify_image(&bytes).map_err(|error| damaged(file, &error))?;
            let functions = verified.image().func_count();
            let file = file.display();
            cli::write(&format!(
                "ok {file}: {} bytes, {functions} functions\n",
                bytes.len()
            ))
        }
        Command::Strip { file, output } => {
            let stripped = strip(&read(file)?).map_err(|error| damaged(file, &error))?;
            disk::write_whole(output, &stripped).map_err(|error| Failure::file(output, &error))
        }
    }
    .map(|()| 0)
}

fn show(file: &Path, select: &Select, json: bool) -> Result<(), Failure> {
    let bytes = read(file)?;
    let image = CheckedImage::inspect(&bytes).map_err(|error| damaged(file, &error))?;
    let facts = gather(&image, select).map_err(|error| damaged(file, &error))?;
    if let (Some(name), true) = (&select.function, facts.functions.is_empty()) {
        let file = file.display();
        return Err(Failure::Usage(format!("{file}: no function {name}")));
    }
    if json {
        let json = serde_json::to_string_pretty(&facts);
        return cli::write_lines(&json.map_err(|error| damaged(file, &error))?);
    }
    cli::write(&render(&facts, cli::has_colours(&io::stdout())))
}

fn read(file: &Path) -> Result<Aligned, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::file(file, &error))?;
    Ok(Aligned::new(&bytes))
}

fn damaged(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Image {
        code: 4,
        text: format!("{}: {error}", file.display()),
    }
}
