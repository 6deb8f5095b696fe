//! Signatures of images: Ed25519 (RFC 8032) over everything in an image that has a meaning.
//!
//! What is signed is a hash of the header (version, flags, ABI fingerprint, ids) and of every other
//! section with its kind, flags, count and alignment, in file order. So nothing can be added,
//! removed or changed; only offsets and checksums, which follow from it, are left out. A stripped
//! image is another one, and is signed anew.
//!
//! Keys are files in PEM: secret ones PKCS#8 (RFC 5958), public ones SubjectPublicKeyInfo
//! (RFC 8410). That is what `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write, so
//! keys need no tool of ours; a keyring is a file with any number of public ones.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zerocopy::{FromBytes, IntoBytes};

use crate::error::Result;
use crate::image::{CheckedImage, sections_of};
use crate::layout::{Header, SIGN, SIGNED, SignRecord};
use crate::version::{MAGIC, MAJOR, MINOR};
use crate::write::container::{Part, assemble};

/// The only algorithm of this version.
const ED25519: u32 = 1;

/// Begins what is hashed, so that a signature of something else never fits an image.
const CONTEXT: &[u8] = b"Gene image, signed 1\0";

/// A public key, as messages show it: in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyId(pub [u8; 32]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a text holds no keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PEM, or not of an Ed25519 key.
    #[error("it is not {0}")]
    Malformed(&'static str),
    /// A keyring without keys.
    #[error("there are no public keys in it (-----BEGIN PUBLIC KEY-----)")]
    Empty,
    /// A keyring that somebody put a secret key into.
    #[error("there is a secret key in it; a keyring holds public ones (gene-compile --public-key)")]
    Secret,
}

/// Why an image is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is no section SIGN.
    #[error("it is not signed (gene-compile --sign KEY)")]
    Missing,
    /// Signed in a way that this version does not know.
    #[error("its signature is of the unknown kind {0}")]
    Algorithm(u32),
    /// Whoever signed it is not among the keys.
    #[error("it is signed by the key {0}, which is not in the keyring")]
    Unknown(KeyId),
    /// Something was changed after it was signed.
    #[error("its signature by the key {0} does not fit: it was changed after it was signed")]
    Wrong(KeyId),
}

/// A key that signs. Its memory is cleared in the end.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key that these random bytes make.
    pub fn from_random(bytes: &[u8; 32]) -> SecretKey {
        SecretKey(SigningKey::from_bytes(bytes))
    }

    /// Reads PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// The text is something else.
    pub fn parse(pem: &str) -> std::result::Result<SecretKey, KeyError> {
        let malformed = KeyError::Malformed("a secret Ed25519 key (PKCS#8, PEM)");
        SigningKey::from_pkcs8_pem(pem)
            .map(SecretKey)
            .map_err(|_| malformed)
    }

    /// PKCS#8 in PEM. Only the secret half, which is what other programs read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let pair = KeypairBytes {
            secret_key: self.0.to_bytes(),
            public_key: None,
        };
        pair.to_pkcs8_pem(LineEnding::LF).unwrap_or_default() // never too long
    }

    /// SubjectPublicKeyInfo in PEM: one entry of a keyring.
    pub fn public_pem(&self) -> String {
        let key = self.0.verifying_key();
        key.to_public_key_pem(LineEnding::LF).unwrap_or_default() // never too long
    }

    /// The public half.
    pub fn id(&self) -> KeyId {
        KeyId(self.0.verifying_key().to_bytes())
    }
}

/// Public keys whose signatures are accepted.
#[derive(Clone, Debug)]
pub struct Keyring(Vec<VerifyingKey>);

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

impl Keyring {
    /// Reads public keys in PEM, one after the other; what stands between them is a comment.
    ///
    /// # Errors
    ///
    /// There is none, or something that is no public key.
    pub fn parse(text: &str) -> std::result::Result<Keyring, KeyError> {
        if text.contains("PRIVATE KEY-----") {
            return Err(KeyError::Secret);
        }
        let malformed = KeyError::Malformed("a keyring of public Ed25519 keys (PEM)");
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(BEGIN) {
            let end = rest[start..].find(END).ok_or(malformed)? + start + END.len();
            let pem = format!("{}\n", &rest[start..end]);
            keys.push(VerifyingKey::from_public_key_pem(&pem).map_err(|_| malformed)?);
            rest = &rest[end..];
        }
        match keys.is_empty() {
            true => Err(KeyError::Empty),
            false => Ok(Keyring(keys)),
        }
    }

    /// Checks that one of the keys has signed an image as it is. Reads all of it.
    ///
    /// # Errors
    ///
    /// None has.
    pub fn check(&self, image: &CheckedImage<'_>) -> std::result::Result<KeyId, SignatureError> {
        let record = record(image).ok_or(SignatureError::Missing)?;
        if record.algorithm.get() != ED25519 {
            return Err(SignatureError::Algorithm(record.algorithm.get()));
        }
        let id = KeyId(record.key);
        let known = self.0.iter().find(|key| *key.as_bytes() == id.0);
        let key = known.ok_or(SignatureError::Unknown(id))?;
        let parts: Vec<Part<'_>> = image.parts().collect();
        let header = image.header();
        let version = (header.major.get(), header.minor.get());
        let message = message(header, version, header.flags.get(), &parts);
        let signature = Signature::from_bytes(&record.signature);
        key.verify_strict(&message, &signature)
            .map(|()| id)
            .map_err(|_| SignatureError::Wrong(id))
    }
}

fn record<'a>(image: &CheckedImage<'a>) -> Option<&'a SignRecord> {
    SignRecord::ref_from_bytes(image.section_bytes(SIGN)?).ok()
}

/// Whose signature an image carries, whether it fits or not.
pub fn signer(image: &CheckedImage<'_>) -> Option<KeyId> {
    record(image).map(|record| KeyId(record.key))
}

/// The image with a signature, in place of any that it has.
///
/// # Errors
///
/// The image is damaged, or too large with a signature. `bytes` must lie at an address that is a
/// multiple of 8.
pub fn sign(bytes: &[u8], key: &SecretKey) -> Result<Vec<u8>> {
    let (header, sections) = sections_of(bytes)?;
    let mut parts: Vec<Part<'_>> = (sections.iter().map(|section| section.part()))
        .filter(|part| part.tag != SIGN)
        .collect();
    let flags = header.flags.get() | SIGNED;
    let message = message(header, (MAJOR, MINOR), flags, &parts);
    let record = SignRecord {
        algorithm: ED25519.into(),
        key: key.id().0,
        signature: key.0.sign(&message).to_bytes(),
    };
    parts.push(Part {
        tag: SIGN,
        flags: 0,
        count: 1,
        align: crate::layout::ALIGN,
        bytes: record.as_bytes().into(),
    });
    let (content, build) = (&header.content_id, &header.build_id);
    assemble(MAGIC, &parts, flags, content, build)
}

/// What is signed.
fn message(header: &Header, version: (u16, u16), flags: u32, parts: &[Part<'_>]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(bytes);
    };
    add(CONTEXT);
    add(&header.magic);
    add(&version.0.to_le_bytes());
    add(&version.1.to_le_bytes());
    add(&flags.to_le_bytes());
    add(&header.abi);
    add(&header.content_id);
    add(&header.build_id);
    for part in parts.iter().filter(|part| part.tag != SIGN) {
        add(&part.tag.0.to_le_bytes());
        add(&part.flags.to_le_bytes());
        add(&part.count.to_le_bytes());
        add(&part.align.to_le_bytes());
        add(&(part.bytes.len() as u64).to_le_bytes());
        add(&part.bytes);
    }
    *hasher.finalize().as_bytes()
}
