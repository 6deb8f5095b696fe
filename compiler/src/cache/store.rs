//! The files of a cache. What cannot be read is absent, what cannot be written is not kept.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Entry, Hash, Inputs, Key, hash, hex};

/// A directory of images of programs that were compiled before, shared by any number of processes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cache {
    directory: PathBuf,
    limit: u64,
}

/// Bytes of all files together, unless said otherwise.
const USUAL_LIMIT: u64 = 256 << 20;

/// How long a time of last use may be wrong, so that a program that starts often does not write
/// to the disk at each start.
const PRECISION: Duration = Duration::from_secs(60);

/// Age from which a temporary file counts as left behind where files cannot be locked.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Files by their use, in the order in which a program comes to be kept.
const TEMPORARY: &str = "tmp";
pub(super) const IMAGES: &str = "images";
pub(super) const ENTRIES: &str = "entries";

/// Tells programs that copy whole disks to leave the cache out (bford.info/cachedir).
const TAG: (&str, &[u8]) = (
    "CACHEDIR.TAG",
    b"Signature: 8a477f597d28d172789f06886806bc55\n# Compiled Gene programs; `gene cache clear` empties it.\n",
);

impl Cache {
    /// The cache in a directory, which comes to exist when the first program is kept. Its files
    /// have together hardly more than `limit` bytes, usually 256 MiB.
    pub fn new(directory: PathBuf, limit: Option<u64>) -> Cache {
        Cache {
            directory,
            limit: limit.unwrap_or(USUAL_LIMIT),
        }
    }

    /// Where programs are kept if the environment decides: `GENE_CACHE_DIR`, which is empty for
    /// no cache, else `gene` in the user's cache directory; `None` without a home.
    pub fn usual_directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if let Some(given) = variable("GENE_CACHE_DIR") {
            return (!given.is_empty()).then(|| given.into());
        }
        let path = |name| variable(name).map(PathBuf::from);
        let absolute = |path: &PathBuf| path.is_absolute();
        if let Some(caches) = path("XDG_CACHE_HOME").filter(absolute) {
            return Some(caches.join("gene"));
        }
        // accounts of services have a home that does not exist, and it shall stay so
        let home = path("HOME").filter(|home| absolute(home) && home.is_dir())?;
        Some(home.join(".cache/gene"))
    }

    /// Most bytes of all files together.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The entry of a program, if all its inputs are as they were and its image is there. That
    /// the image is whole must be seen when it is read ([`Entry::is_image`]).
    pub fn find(&self, key: &Key, inputs: &mut Inputs<'_>) -> Option<Entry> {
        let path = self.directory.join(ENTRIES).join(key.file_name());
        let found = fs::metadata(&path).ok().filter(is_trusted)?;
        let entry = Entry::of(key, &fs::read(&path).ok()?)?;
        let image = self.image(&entry);
        let there = fs::metadata(&image)
            .ok()
            .filter(|there| there.is_file() && there.len() == entry.length)?;
        if !entry.is_current(inputs) {
            return None;
        }
        for (path, file) in [(path, found), (image, there)] {
            if file.modified().is_ok_and(|used| is_older(used, PRECISION)) {
                let _ = touch(&path); // then it is forgotten earlier
            }
        }
        Some(entry)
    }

    /// Where the image of an entry is.
    pub fn image(&self, entry: &Entry) -> PathBuf {
        let name = hex(&entry.image) + ".gir";
        self.directory.join(IMAGES).join(name)
    }

    /// Keeps the image of a program and its entry, then removes what dead processes left behind and, beyond
    /// the limit, what was not used for the longest time.
    ///
    /// # Errors
    ///
    /// It cannot be written; the cache is as before.
    pub fn store(&self, key: &Key, entry: &Entry, image: &[u8]) -> io::Result<()> {
        let bytes = entry.encode(key);
        if entry.length + bytes.len() as u64 > self.limit {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        self.prepare()?;
        let path = self.image(entry);
        // two programs, or two states of one, may have the same image
        let kept = fs::metadata(&path).is_ok_and(|found| found.is_file())
            && fs::read(&path).is_ok_and(|found| found == image)
            && touch(&path).is_ok();
        if !kept {
            self.put(&path, image)?;
        }
        self.put(&self.directory.join(ENTRIES).join(key.file_name()), &bytes)?;
        self.sweep();
        // Counting looks at every file, which takes long for tens of thousands. So small programs
        // are counted once in eight times: then those in between exceed the limit by an eighth.
        let is_large = entry.length + bytes.len() as u64 > self.limit / 64;
        if is_large || random().is_multiple_of(8) {
            self.evict(self.limit);
        }
        Ok(())
    }

    /// Makes the directories.
    fn prepare(&self) -> io::Result<()> {
        let is_new = !self.directory.exists();
        for name in [TEMPORARY, IMAGES, ENTRIES] {
            let path = self.directory.join(name);
            if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_dir() && !found.is_symlink())
            {
                fs::remove_file(&path)?;
            }
            let mut builder = DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&path)?;
        }
        if is_new {
            self.put(&self.directory.join(TAG.0), TAG.1)?;
        }
        Ok(())
    }

    /// Gives a file this content, at once and for good.
    fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        may_write(bytes.len())?;
        let (mut file, temporary) = self.temporary()?;
        let done = file
            .write_all(bytes)
            .and_then(|()| file.sync_all())
            .and_then(|()| replace(&temporary, path))
            .and_then(|()| sync_directory(path));
        if done.is_err() {
            let _ = fs::remove_file(&temporary); // the first error is the one to report
        }
        done
    }

    /// A new file, locked as long as its writer lives.
    fn temporary(&self) -> io::Result<(File, PathBuf)> {
        loop {
            let name = format!("{:016x}{:016x}", random(), random());
            let path = self.directory.join(TEMPORARY).join(name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
            match options.open(&path) {
                Ok(file) => {
                    let _ = file.try_lock(); // without, age decides
                    return Ok((file, path));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes the temporary files of processes that are gone. A process that has opened its file
    /// but not locked it yet may lose it, and then keeps nothing this time.
    fn sweep(&self) {
        for path in self.abandoned() {
            let _ = fs::remove_file(&path); // another process may be quicker
        }
    }

    /// Removes what was not used for the longest time, if there is too much, until an eighth of the
    /// limit is free. An entry without its image is as good as none, and an image without entry
    /// comes into no use again, so each file counts by itself.
    fn evict(&self, limit: u64) {
        let mut files = self.files();
        let mut total: u64 = files.iter().map(|file| file.length).sum();
        if total <= limit {
            return;
        }
        files.sort_by_key(|file| file.used);
        for file in files {
            if total <= limit - limit / 8 {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                total -= file.length;
            }
        }
    }

    /// All entries and images, by name only.
    pub(super) fn files(&self) -> Vec<Kept> {
        let entries = self.folder(ENTRIES);
        entries.chain(self.folder(IMAGES)).flatten().collect()
    }

    /// What is in a folder of the cache: its own files, or paths of what does not belong there.
    pub(super) fn folder(&self, folder: &str) -> impl Iterator<Item = Result<Kept, PathBuf>> {
        let (is_image, ending) = match folder == IMAGES {
            true => (true, ".gir"),
            false => (false, ""),
        };
        let entries = fs::read_dir(self.directory.join(folder));
        entries.into_iter().flatten().flatten().map(move |entry| {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(ending));
            let is_hex =
                |name: &&str| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
            let found = entry.metadata().ok().filter(Metadata::is_file);
            match (name.filter(is_hex), found) {
                (Some(name), Some(found)) => Ok(Kept {
                    name: name.to_owned(),
                    path,
                    is_image,
                    length: found.len(),
                    used: found.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                }),
                _ => Err(path),
            }
        })
    }

    /// The temporary files of processes that are gone.
    pub(super) fn abandoned(&self) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(self.directory.join(TEMPORARY));
        let entries = entries.into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        files
            .map(|entry| entry.path())
            .filter(|path| is_abandoned(path))
    }

    /// Removes the directories as far as they are empty.
    pub(super) fn remove_directories(&self) {
        let _ = fs::remove_file(self.directory.join(TAG.0));
        for name in [TEMPORARY, IMAGES, ENTRIES, ""] {
            let _ = fs::remove_dir(self.directory.join(name)); // it is not empty, or not there
        }
    }
}

impl Entry {
    /// Whether everything that was compiled is as it was.
    pub fn is_current(&self, inputs: &mut Inputs<'_>) -> bool {
        let same = |(input, hash): &(_, Option<Hash>)| inputs.hash(input) == *hash;
        self.dependencies.iter().all(same)
    }

    /// Whether these bytes are the entry's image, whole and unchanged.
    pub fn is_image(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.length && hash(bytes) == self.image
    }
}

/// An entry or an image.
pub(super) struct Kept {
    /// The hash that the name has.
    pub name: String,
    pub path: PathBuf,
    pub is_image: bool,
    /// In bytes.
    pub length: u64,
    /// When it was last used, give or take [`PRECISION`].
    pub used: SystemTime,
}

/// Another number at each call.
fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn is_older(time: SystemTime, age: Duration) -> bool {
    time.elapsed().is_ok_and(|elapsed| elapsed > age)
}

/// Makes now the time of last use.
fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

/// Whether nobody writes to a temporary file any more.
fn is_abandoned(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    match file.try_lock() {
        Ok(()) => true,
        Err(fs::TryLockError::WouldBlock) => false,
        Err(fs::TryLockError::Error(_)) => {
            let used = file.metadata().and_then(|found| found.modified());
            used.is_ok_and(|used| is_older(used, ABANDONED))
        }
    }
}

/// Whether what a file says may decide what is executed: only this user or the system's
/// administrator can have written it.
#[cfg(unix)]
pub(super) fn is_trusted(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    let owner = found.uid();
    found.is_file()
        && found.mode() & OTHERS_WRITE == 0
        && (owner == 0 || owner == rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
pub(super) fn is_trusted(found: &Metadata) -> bool {
    found.is_file()
}

/// Refuses what would exceed the process's limit of file sizes: the attempt ends the process.
#[cfg(unix)]
fn may_write(length: usize) -> io::Result<()> {
    use rustix::process::{Resource, getrlimit};
    match getrlimit(Resource::Fsize).current {
        Some(limit) if length as u64 > limit => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn may_write(_: usize) -> io::Result<()> {
    Ok(())
}

/// Puts a file in the place of another, even of a directory, which nothing here makes under
/// such a name.
fn replace(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::rename(temporary, path) {
        Err(_) if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) => {
            fs::remove_dir_all(path)?;
            fs::rename(temporary, path)
        }
        done => done,
    }
}

/// Makes the name of a file outlive a failure of power.
#[cfg(unix)]
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(()) // such systems keep names with the files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{Dependencies, Input};
    use crate::compile::Options;
    use crate::gene::NoFiles;
    use gene_format::write::WriteOptions;

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let name = format!("gene-cache-{name}-{}", std::process::id());
            Scratch(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn image_of(cache: &Cache, key: &Key) -> Option<Vec<u8>> {
        let mut files = NoFiles;
        let entry = cache.find(key, &mut Inputs::new(&mut files).with_main("/a", b"text"))?;
        let image = fs::read(cache.image(&entry)).ok()?;
        entry.is_image(&image).then_some(image)
    }

    #[test]
    fn compilers_do_not_see_each_others_images() {
        let scratch = Scratch::new("compilers");
        let cache = Cache::new(scratch.0.clone(), None);
        let inputs: Dependencies = vec![(Input::File("/a".into()), Some(hash(b"text")))];
        let (options, write) = (Options::default(), WriteOptions::default());
        let keys =
            ["one", "two"].map(|compiler| Key::of_compiler(compiler, "/a", "a", &options, &write));
        assert_eq!(image_of(&cache, &keys[0]), None);
        cache
            .store(&keys[0], &Entry::new(inputs.clone(), b"first"), b"first")
            .unwrap();
        assert_eq!(image_of(&cache, &keys[1]), None);
        cache
            .store(&keys[1], &Entry::new(inputs, b"second"), b"second")
            .unwrap();
        assert_eq!(image_of(&cache, &keys[0]).unwrap(), b"first");
        assert_eq!(image_of(&cache, &keys[1]).unwrap(), b"second");
        // an entry under the name of another
        let path = |key: &Key| scratch.0.join(ENTRIES).join(key.file_name());
        fs::copy(path(&keys[0]), path(&keys[1])).unwrap();
        assert_eq!(image_of(&cache, &keys[1]), None);
    }

    #[test]
    fn changed_inputs_are_seen() {
        let scratch = Scratch::new("inputs");
        let cache = Cache::new(scratch.0.clone(), None);
        let key = Key::new("/a", "a", &Options::default(), &WriteOptions::default());
        let main = (Input::File("/a".into()), Some(hash(b"text")));
        let absent = (Input::File("/b".into()), None);
        let with = |more: (Input, Option<Hash>)| {
            let entry = Entry::new(vec![main.clone(), more], b"image");
            cache.store(&key, &entry, b"image").unwrap();
            image_of(&cache, &key).is_some()
        };
        assert!(with(absent.clone()));
        assert!(!with((absent.0, Some(hash(b"")))));
        assert!(with((Input::Variable("V".into()), None)));
        assert!(!with((Input::Variable("V".into()), Some(hash(b"")))));
        assert!(with((Input::Listing("/".into()), Some(hash(b"")))));
        assert!(!with((Input::Listing("/".into()), Some(hash(b"a\0")))));
        assert!(!with((Input::File("/a".into()), Some(hash(b"other")))));
    }
}
