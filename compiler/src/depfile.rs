//! Rules for make and ninja.

use std::path::{Path, PathBuf};

use crate::cache::{Dependencies, Input};

/// A rule for each image, with the files that it was compiled from; and an empty rule for each of
/// these files, so that make goes on when one is gone and nothing needs it any more.
pub fn text(rules: &[(PathBuf, Dependencies)]) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let mut text = String::new();
    let mut files = Vec::new();
    for (image, dependencies) in rules {
        text += &escaped(image);
        text.push(':');
        for (input, hash) in dependencies {
            if let (Input::File(path), Some(_)) = (input, hash) {
                let path = Path::new(path);
                let file = escaped(path.strip_prefix(&here).unwrap_or(path));
                text += " \\\n  ";
                text += &file;
                files.push(file);
            }
        }
        text.push('\n');
    }
    files.sort();
    files.dedup();
    for file in files {
        text += &file;
        text += ":\n";
    }
    text
}

/// The path as make and ninja read it.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        match c {
            ' ' | '#' => text.push('\\'),
            '$' => text.push('$'),
            _ => {}
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_the_files_that_are_there() {
        let dependencies = vec![
            (Input::File("/a b$c#.gene".into()), Some([0; 32])),
            (Input::File("/absent".into()), None),
            (Input::Variable("V".into()), Some([0; 32])),
        ];
        let rules = [("out/x y.gir".into(), dependencies)];
        let file = "/a\\ b$$c\\#.gene";
        let expected = format!("out/x\\ y.gir: \\\n  {file}\n{file}:\n");
        assert_eq!(text(&rules), expected);
    }
}
