//! Whose images run: all, or only those signed by a key of a ring.

use gene_format::image::CheckedImage;
use std::path::Path;
#[cfg(feature = "signatures")]
use {gene_format::signature::Keyring, std::sync::Arc};

/// Whose images run. By default everybody's.
#[derive(Clone, Debug, Default)]
pub struct Signers {
    #[cfg(feature = "signatures")]
    keys: Option<Arc<Keyring>>,
}

/// Why a keyring is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file cannot be read.
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    /// It holds something else.
    #[error("{0}")]
    Content(String),
}

#[cfg(feature = "signatures")]
impl Signers {
    /// Only the owners of the keys in a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no keyring.
    pub fn of_file(path: &Path) -> Result<Signers, KeyringError> {
        let text = std::fs::read_to_string(path)?;
        let keys = Keyring::parse(&text).map_err(|e| KeyringError::Content(e.to_string()))?;
        let keys = Some(Arc::new(keys));
        Ok(Signers { keys })
    }

    /// Whether images must be signed.
    pub fn are_known(&self) -> bool {
        self.keys.is_some()
    }

    /// Checks that an image may run.
    ///
    /// # Errors
    /// Why its signature is not accepted.
    pub fn check(&self, image: &CheckedImage<'_>) -> Result<(), String> {
        match &self.keys {
            Some(keys) => keys.check(image).map(drop).map_err(|e| e.to_string()),
            None => Ok(()),
        }
    }
}

#[cfg(not(feature = "signatures"))]
impl Signers {
    /// Refuses, rather than to run what nobody has checked.
    ///
    /// # Errors
    /// Always.
    pub fn of_file(_: &Path) -> Result<Signers, KeyringError> {
        let text = "this gene-vm was built without signatures, so it cannot check any";
        Err(KeyringError::Content(text.into()))
    }

    /// Whether images must be signed.
    pub fn are_known(&self) -> bool {
        false
    }

    /// Checks that an image may run.
    ///
    /// # Errors
    /// None.
    pub fn check(&self, _: &CheckedImage<'_>) -> Result<(), String> {
        Ok(())
    }
}
