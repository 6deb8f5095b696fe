//! Compiling again when something changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use gene_compiler::cache::{Input, Inputs};
use gene_compiler::cli::Failure;
use gene_compiler::disk::{self, Disk};
use notify::{Event, EventKind, RecursiveMode, Watcher};

use crate::Built;

/// How long nothing must happen before compiling: editors and version control change files in
/// several steps.
const QUIET: Duration = Duration::from_millis(50);

type Events = Receiver<notify::Result<Event>>;

/// Builds, and builds again after each change of a file that the last build has read or looked
/// for, or of a program below `folder`. Ends only by failures of the watch itself.
pub fn forever(
    folder: Option<&Path>,
    output: Option<&Path>,
    build: impl Fn() -> Result<Built, Failure>,
) -> Result<i32, Failure> {
    let failed = |error: notify::Error| Failure::File(format!("cannot watch files: {error}"));
    let absolute = |path: Option<&Path>| path.and_then(|path| disk::absolute(path).ok());
    let (folder, output) = (absolute(folder), absolute(output));
    let (sender, events) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(sender).map_err(failed)?;
    let mut watched = BTreeSet::new();
    if let Some(folder) = &folder {
        watcher
            .watch(Path::new(folder), RecursiveMode::Recursive)
            .map_err(failed)?;
    }
    loop {
        let built = build()?;
        let paths = built.inputs.keys().filter_map(|input| match input {
            Input::File(path) | Input::Listing(path) => Some(PathBuf::from(path)),
            Input::Variable(_) => None, // those of a process do not change
        });
        let files: BTreeSet<PathBuf> = paths.collect();
        let below = |path: &Path| folder.as_ref().is_some_and(|top| path.starts_with(top));
        for file in files.iter().filter(|file| !below(file)) {
            let Some(parent) = file.parent().filter(|parent| parent.is_dir()) else {
                continue;
            };
            if watched.insert(parent.to_owned()) {
                watcher
                    .watch(parent, RecursiveMode::NonRecursive)
                    .map_err(failed)?;
            }
        }
        // what changed before it was watched
        let mut disk = Disk;
        let mut now = Inputs::new(&mut disk);
        if built
            .inputs
            .iter()
            .any(|(input, hash)| now.hash(input) != *hash)
        {
            continue;
        }
        let matters = |path: &Path| {
            let in_output = output
                .as_ref()
                .is_some_and(|output| path.starts_with(output));
            let is_program = path.extension().is_none_or(|ending| ending == "gene");
            let is_listed = path.parent().is_some_and(|parent| files.contains(parent));
            files.contains(path) || is_listed || below(path) && !in_output && is_program
        };
        wait(&events, matters).map_err(failed)?;
    }
}

/// Waits for a change that matters, and for the end of those that come with it.
fn wait(events: &Events, matters: impl Fn(&Path) -> bool) -> notify::Result<()> {
    while let Ok(event) = events.recv() {
        let event = event?;
        let is_change = matches!(
            event.kind,
            EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
        );
        if is_change && event.paths.iter().any(|path| matters(path)) {
            while events.recv_timeout(QUIET).is_ok() {}
            return Ok(());
        }
    }
    Ok(())
}
