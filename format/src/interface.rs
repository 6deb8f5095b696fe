//! What a module offers to the images of other modules, and the hash that tells whether it is still
//! what they were compiled against.

/// BLAKE3 of an interface: names with their descriptions, ascending by name.
pub fn hash<'a>(exports: impl IntoIterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (name, description) in exports {
        for text in [name, description] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

/// True for a path that stays inside the folder it starts from: names separated by `/`, none of
/// them empty, `.` or `..`.
pub fn is_inside(path: &str) -> bool {
    !path.contains('\0') && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::{hash, is_inside};

    #[test]
    fn texts_do_not_run_into_each_other() {
        let of = |pairs: &[(&str, &str)]| hash(pairs.iter().copied());
        assert_eq!(of(&[("a", "b")]), of(&[("a", "b")]));
        assert_ne!(of(&[("ab", "")]), of(&[("a", "b")]));
        assert_ne!(of(&[("a", "b"), ("c", "d")]), of(&[("a", "bc"), ("", "d")]));
    }

    #[test]
    fn paths_stay_inside() {
        assert!(is_inside("a.gir") && is_inside("a/b..c/.d"));
        for path in ["", "/a", "a/", "a//b", ".", "a/../b", "../a", "a\0b"] {
            assert!(!is_inside(path), "{path:?}");
        }
    }
}
