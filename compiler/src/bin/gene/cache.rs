//! Programs through the image cache.

use std::path::{Path, PathBuf};

use clap::Args;
use gene_compiler::cache::{Cache, Inputs, Key};
use gene_compiler::cli::{Failure, Source};
use gene_compiler::disk::{self, Disk};
use gene_runtime::mapping::Mapping;
use gene_runtime::run::{Machine, parse_size};

use crate::run::Execute;

/// Where images of earlier runs are.
#[derive(Args, Clone, Debug)]
pub struct CacheArgs {
    /// Keep compiled programs in this directory [default: $GENE_CACHE_DIR, else `gene` in the
    /// user's cache directory].
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Compile the program, and keep nothing.
    #[arg(long)]
    no_cache: bool,
}

impl CacheArgs {
    fn cache(&self) -> Option<Cache> {
        let directory = match &self.cache_dir {
            _ if self.no_cache => None,
            Some(given) => Some(given.clone()),
            None => Cache::usual_directory(|name| std::env::var_os(name)),
        };
        Some(Cache::new(directory?, limit()))
    }
}

/// The size that the environment wants. Caches are no reason to fail, so nonsense is no size.
fn limit() -> Option<u64> {
    let size = parse_size(&std::env::var("GENE_CACHE_SIZE").ok()?).ok()?;
    Some(size as u64)
}

/// A machine with the program in a file, from the cache if nothing changed since it was put
/// there. A cache that does not work only costs time.
pub fn load(
    execute: &Execute,
    cache: &CacheArgs,
    file: &Path,
    args: Vec<String>,
) -> Result<Machine, Failure> {
    let source = Source::file(file)?;
    let cache = cache.cache().filter(|_| !execute.no_gir_cache);
    let (Some(cache), Ok(path)) = (cache, disk::absolute(file)) else {
        return execute.load(&source, args);
    };
    let options = execute.compile.options();
    let key = Key::new(&path, &source.name, &options);
    let mut disk = Disk;
    let mut inputs = Inputs::new(&mut disk, &path, &source.text);
    if !execute.force_compile
        && let Some(image) = find(&cache, &key, &mut inputs)
        && let Ok(machine) = execute.load_image(&source.name, image, args.clone())
    {
        return Ok(machine);
    }
    let (image, _) = execute.compile.image_from(&source, &mut inputs)?;
    // a pipe has another program each time
    if std::fs::metadata(file).is_ok_and(|found| found.is_file()) {
        let _ = cache.store(&key, inputs.dependencies(), &image); // else the next run compiles too
    }
    execute.load_image(&source.name, Mapping::copy(&image), args)
}

/// The image of a program that has not changed.
fn find(cache: &Cache, key: &Key, inputs: &mut Inputs<'_>) -> Option<Mapping> {
    let entry = cache.find(key, inputs)?;
    let image = Mapping::open(&cache.image(&entry)).ok()?;
    entry.is_image(image.bytes()).then_some(image)
}
