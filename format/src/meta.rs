//! META, the only place that knows bincode.
//!
//! bincode 2.0.1 is unmaintained (RUSTSEC-2025-0141), so it decodes nothing but this small
//! section, with a limit, and what it decodes must encode to the same bytes again.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};

use crate::error::{FormatError, FormatErrorKind, Place, Result};
use crate::layout;
use crate::limits::MAX_META;

/// What META holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Meta<'a> {
    /// Options and other facts, in order.
    #[serde(borrow)]
    pub pairs: Vec<(&'a str, &'a str)>,
    /// First form that needs a compiler at run time.
    pub needs_eval: Option<&'a str>,
}

const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_META>> = bincode::config::standard()
    .with_fixed_int_encoding()
    .with_limit::<MAX_META>();

#[cold]
fn error(what: &'static str) -> FormatError {
    FormatError::new(Place::Section(layout::META), FormatErrorKind::Meta(what))
}

/// The section's bytes.
pub(crate) fn encode(meta: &Meta<'_>) -> Result<Vec<u8>> {
    let bytes = bincode::serde::encode_to_vec(meta, CONFIG).map_err(|_| error("too large"))?;
    if bytes.len() > MAX_META {
        let limit = FormatErrorKind::Limit {
            found: bytes.len() as u64,
            max: MAX_META as u64,
        };
        return Err(FormatError::new(Place::Section(layout::META), limit));
    }
    Ok(bytes)
}

/// Takes the section's bytes apart, borrowing from them.
pub(crate) fn decode(bytes: &[u8]) -> Result<Meta<'_>> {
    let (meta, consumed) = bincode::serde::borrow_decode_from_slice::<Meta<'_>, _>(bytes, CONFIG)
        .map_err(|_| error("not its structure"))?;
    if consumed != bytes.len() {
        return Err(error("bytes left over"));
    }
    if encode(&meta)? != bytes {
        return Err(error("not the canonical encoding"));
    }
    Ok(meta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Meta<'static> {
        Meta {
            pairs: vec![("compiler", "0.1.0"), ("optimise", "2")],
            needs_eval: Some("a.gene:1:2: (eval x)"),
        }
    }

    #[test]
    fn meta_round_trips() {
        let bytes = encode(&sample()).unwrap();
        assert_eq!(decode(&bytes).unwrap(), sample());
    }

    #[test]
    fn leftover_and_missing_bytes_are_rejected() {
        let mut bytes = encode(&sample()).unwrap();
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err());
        }
        bytes.push(0);
        assert!(decode(&bytes).is_err());
    }

    #[test]
    fn huge_lengths_allocate_nothing() {
        assert!(decode(&[0xFF; 16]).is_err());
        let mut bytes = encode(&sample()).unwrap();
        bytes[3] = 0x7F; // two billion pairs
        assert!(decode(&bytes).is_err());
    }
}
