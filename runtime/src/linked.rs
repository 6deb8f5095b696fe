//! Programs of several images: finds the images that a main image imports, checks that they fit
//! together, and puts them in the order in which they run, that of one linked image.
//!
//! Paths in images are relative to the folder of the main image and never lead out of it
//! (`CheckedImage::imports`). Nothing here recurses: images may import each other as deep as there
//! are files.

use crate::debug_file::DebugFile;
use crate::mapping::Mapping;
use crate::program::Image;
use crate::run::Failure;
use gene_format::image::CheckedImage;
use gene_format::program::{TableEntry, TableId};
use std::collections::HashMap;
use std::path::{Component, Path};

/// An image of a program, and its imports as indices of images before it.
pub struct Linked {
    /// The image.
    pub image: Box<Image>,
    /// By index of the import.
    pub imports: Vec<usize>,
}

/// An image whose imports are being loaded.
struct Open {
    image: Box<Image>,
    /// Relative to the folder.
    path: String,
    /// Path and hash of the interface.
    wanted: Vec<(String, [u8; 32])>,
    imports: Vec<usize>,
}

impl Open {
    fn new(path: &str, image: Box<Image>) -> Result<Open, String> {
        let views = image.view.imports().map_err(|error| error.to_string())?;
        let wanted = views
            .iter()
            .map(|one| (one.path.to_owned(), *one.interface));
        Ok(Open {
            wanted: wanted.collect(),
            image,
            path: path.to_owned(),
            imports: Vec::new(),
        })
    }
}

/// The images of the program whose main image lies at `path`, each behind those it imports.
///
/// # Errors
///
/// An image cannot be read or is damaged; images import each other in a circle; one was compiled
/// against another interface than the imported one has.
pub fn load(
    path: &Path,
    main: Box<Image>,
    open_file: fn(&Path) -> std::io::Result<Mapping>,
) -> Result<Vec<Linked>, Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().map(|name| name.to_string_lossy());
    let name = name.as_deref().unwrap_or("");
    let mut done: Vec<(Linked, [u8; 32])> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut open = vec![Open::new(name, main).map_err(Failure::Format)?];
    while let Some(last) = open.last() {
        let Some((wanted, interface)) = last.wanted.get(last.imports.len()).cloned() else {
            let path = last.path.clone();
            let Some(Open { image, imports, .. }) = open.pop() else {
                break;
            };
            let failed = |error: gene_format::error::FormatError| in_image(&path, &error);
            let interface = image.view.interface().map_err(failed)?;
            known.insert(path, done.len());
            done.push((Linked { image, imports }, interface));
            continue;
        };
        if let Some(&found) = known.get(&wanted) {
            check(last, &wanted, &interface, &done[found].1)?;
            if let Some(last) = open.last_mut() {
                last.imports.push(found);
            }
            continue;
        }
        if let Some(at) = open.iter().position(|one| one.path == wanted) {
            let mut names: Vec<&str> = open[at..].iter().map(|one| &*one.path).collect();
            names.push(&wanted);
            let chain = names.join(" -> ");
            return Err(Failure::Format(format!(
                "images import each other: {chain}"
            )));
        }
        let image = read(folder, &wanted, &last.path, open_file)?;
        open.push(Open::new(&wanted, image).map_err(|error| in_image(&wanted, &error))?);
    }
    Ok(done.into_iter().map(|(linked, _)| linked).collect())
}

fn in_image(path: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::Format(format!("{path}: {error}"))
}

fn read(
    folder: &Path,
    path: &str,
    importer: &str,
    open_file: fn(&Path) -> std::io::Result<Mapping>,
) -> Result<Box<Image>, Failure> {
    let names = Path::new(path).components();
    if !names
        .clone()
        .all(|name| matches!(name, Component::Normal(_)))
    {
        let error = "leads out of the folder of the main image";
        return Err(in_image(importer, &format!("its import {path} {error}")));
    }
    let file = folder.join(path);
    let name = file.display().to_string();
    let bytes = open_file(&file).map_err(|error| Failure::Import {
        importer: importer.to_owned(),
        path: name.clone(),
        error,
    })?;
    let mut image = Image::load(&name, bytes).map_err(|error| in_image(path, &error))?;
    image.debug = DebugFile::beside(&file);
    Ok(image)
}

/// Checks that every name that an image imports is exported; otherwise the first function that
/// uses one is refused.
///
/// # Errors
///
/// A name that is not exported; damage.
pub fn check_names(images: &[Linked]) -> Result<(), Failure> {
    for Linked { image, imports } in images {
        let failed = |error: gene_format::error::FormatError| in_image(&image.name, &error);
        for id in 0..image.view.table_len() as u32 {
            let entry = image.view.table_entry(TableId(id)).map_err(failed)?;
            let TableEntry::Import { import, name } = entry else {
                continue;
            };
            let name = image.view.string(name).map_err(failed)?;
            // The entry's import exists, and all of them were loaded.
            let from = &images[imports[import as usize]].image;
            if from.view.exported(name).map_err(failed)?.is_none() {
                let text = format!("{} does not export {name:?}", from.name);
                return Err(in_image(&image.name, &text));
            }
        }
    }
    Ok(())
}

/// The imported image has the interface that the importing one was compiled against.
fn check(of: &Open, path: &str, expected: &[u8; 32], found: &[u8; 32]) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let short = |hash: &[u8; 32]| -> String {
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    Err(Failure::Format(format!(
        "{} and {path} do not fit together: {} was compiled against interface {} of {path}, which \
         has interface {}; recompile {} (gene-compile --separate)",
        of.path,
        of.path,
        short(expected),
        short(found),
        source(&of.image.view),
    )))
}

/// The name of the module that the image was made from.
fn source(view: &CheckedImage<'static>) -> String {
    let last = view.modules().last().map(|module| module.name);
    let name = last.and_then(|name| view.string(name).ok());
    name.unwrap_or("its source").escape_debug().to_string()
}
