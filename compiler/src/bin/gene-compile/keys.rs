//! Keys that sign images: making them, reading them, signing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use gene_compiler::cli::{self, Failure};
use gene_format::aligned::Aligned;
use gene_format::image::CheckedImage;
use gene_format::signature::{self, SecretKey};

use crate::Args;

/// Does what options about keys ask for, if there are any; reads the key that signs otherwise.
pub fn prepare(args: &mut Args) -> Result<Option<i32>, Failure> {
    if let Some(path) = &args.make_key {
        return make(path).map(|()| Some(0));
    }
    if let Some(path) = &args.public_key {
        return cli::write(&read(path)?.public_pem()).map(|()| Some(0));
    }
    if let Some(path) = &args.sign {
        args.key = Some(read(path)?);
    }
    Ok(None)
}

/// Writes a new secret key, for its owner only, and its public half to the terminal. Never over a
/// file: a key that is lost is lost.
fn make(path: &Path) -> Result<(), Failure> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::File(format!("no random numbers: {error}")))?;
    let key = SecretKey::from_random(&random);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(key.to_pem().as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| Failure::file(path, &error))?;
    cli::write(&key.public_pem())
}

fn read(path: &Path) -> Result<SecretKey, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    SecretKey::parse(&text).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

impl Args {
    /// The image, signed if that is asked for.
    pub fn signed(&self, image: Vec<u8>) -> Result<Vec<u8>, Failure> {
        match &self.key {
            None => Ok(image),
            Some(key) => signature::sign(&Aligned::new(&image), key)
                .map_err(|error| Failure::File(format!("the image just made: {error}"))),
        }
    }

    /// Whether an image is signed by whom it should be, or not at all if it should not.
    pub fn is_signed_so(&self, image: &[u8]) -> bool {
        let image = Aligned::new(image);
        let signer = CheckedImage::parse(&image).ok();
        let signer = signer.and_then(|image| signature::signer(&image));
        signer == self.key.as_ref().map(SecretKey::id)
    }
}
