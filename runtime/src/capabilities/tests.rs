use super::*;
use std::fs;

/// An empty folder, from the root and without links.
fn folder(name: &str) -> PathBuf {
    let path =
        std::env::temp_dir().join(format!("gene-capabilities-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    path.canonicalize().expect("it is there")
}

#[test]
fn a_path_is_resolved_as_far_as_it_exists() {
    let top = folder("resolve");
    fs::create_dir(top.join("in")).unwrap();
    std::os::unix::fs::symlink("/", top.join("in/out")).unwrap();
    let resolve = |path: &str| paths::resolve(&top.join(path));
    assert_eq!(resolve("in/.."), Some(top.clone()));
    assert_eq!(resolve("in/new/deep"), Some(top.join("in/new/deep")));
    assert_eq!(resolve("in/out/nowhere"), Some("/nowhere".into()));
    assert_eq!(resolve("new/.."), None);
    assert_eq!(resolve("new/../in"), None);
    fs::remove_dir_all(top).unwrap();
}

/// What a resolved path becomes between the check and the use: nothing follows it.
#[test]
fn links_that_appear_after_the_check_are_not_followed() {
    let top = folder("links");
    let outside = top.join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "s").unwrap();
    fs::create_dir(top.join("in")).unwrap();
    std::os::unix::fs::symlink(&outside, top.join("in/dir")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), top.join("in/file")).unwrap();
    std::os::unix::fs::symlink(outside.join("new"), top.join("in/new")).unwrap();
    for how in [paths::READ, paths::WRITE, paths::APPEND] {
        for name in ["in/dir/secret", "in/file", "in/new"] {
            assert!(paths::open(&top.join(name), how).is_err(), "{name}");
        }
    }
    assert_eq!(paths::kind(&top.join("in/file")), PathKind::Other);
    assert_eq!(paths::kind(&top.join("in/dir/secret")), PathKind::Other);
    assert!(paths::list(&top.join("in/dir")).is_err());
    assert!(paths::create_dir(&top.join("in/dir/new")).is_err());
    assert!(paths::change_dir(&top.join("in/dir")).is_err());
    assert!(paths::remove_file(&top.join("in/dir/secret")).is_err());
    assert!(paths::remove_dir(&top.join("in/dir")).is_err());
    // a folder is removed with the links in it, not with what they lead to
    paths::remove_dir(&top.join("in")).unwrap();
    assert!(!top.join("in").exists());
    assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "s");
    fs::remove_dir_all(top).unwrap();
}

#[test]
fn folders_are_made_listed_and_removed_as_the_system_does() {
    let top = folder("folders");
    paths::create_dir(&top.join("a/b/c")).unwrap();
    paths::create_dir(&top.join("a/b")).unwrap();
    drop(paths::open(&top.join("a/b/file"), paths::WRITE).unwrap());
    assert!(paths::create_dir(&top.join("a/b/file")).is_err());
    let mut names = paths::list(&top.join("a/b")).unwrap();
    names.sort();
    assert_eq!(names, ["c", "file"]);
    assert!(paths::remove_dir(&top.join("a/b/file")).is_err());
    paths::remove_dir(&top.join("a")).unwrap();
    assert_eq!(paths::list(&top).unwrap(), [""; 0]);
    fs::remove_dir_all(top).unwrap();
}

#[test]
fn a_refusal_names_the_capability_and_the_option() {
    let none = Capabilities {
        granted: Some(Arc::default()),
        copies: false,
    };
    let error = none.check_variable("HOME").unwrap_err().to_string();
    assert_eq!(
        error,
        "Not allowed: the environment variable 'HOME'; the capability env is missing, which \
         --allow-env=HOME gives"
    );
    assert!(none.variables().is_empty());
    let command = none.command("sh", &BTreeMap::new());
    assert!(command.is_err_and(|refusal| refusal.to_string().contains("--allow-run=sh")));
}
