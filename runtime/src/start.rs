//! The start of a process, for programs that start often.
//!
//! Rust's own start-up reads the process's memory map to find the guard page of the stack, which
//! costs as much as all of a small program's run (benches/RESULTS.md). So programs with
//! `#![no_main]` let [`c_main`](crate::c_main) define the C `main`.
#![allow(unsafe_code)]

/// Defines the C `main` of a program; the argument is a function that gives the exit code. The
/// process ends without freeing anything.
#[macro_export]
macro_rules! c_main {
    ($main:path) => {
        // SAFETY: the only symbol of this name; called once, by the C library, which `std::env`
        // expects.
        #[unsafe(no_mangle)]
        extern "C" fn main() -> i32 {
            $crate::start::prepare();
            std::process::exit($main())
        }
    };
}

/// Defines a function that gives the image that gene-compile has put into this executable
/// (`--standalone`), if there is one.
#[macro_export]
macro_rules! embedded_image {
    ($name:ident) => {
        fn $name() -> Option<&'static [u8]> {
            use $crate::start::RuntimeNote;
            // SAFETY: linkers collect sections whose names start so, and treat them as notes,
            // which the type is
            #[unsafe(link_section = ".note.gene")]
            #[used]
            static NOTE: RuntimeNote = RuntimeNote::EMPTY;
            // SAFETY: gene-compile fills in the note only with a segment that the system maps
            // read-only for as long as the process lives
            unsafe { $crate::start::image_of(&NOTE) }
        }
    };
}

pub use gene_format::runtime_note::RuntimeNote;

/// The image that a note of this executable tells of.
///
/// # Safety
/// If the note is filled in, the bytes that it tells of are mapped and never change.
pub unsafe fn image_of(note: &'static RuntimeNote) -> Option<&'static [u8]> {
    // The compiler may not take the note for what it was when the runtime was built.
    // SAFETY: it is a reference
    let RuntimeNote { offset, length, .. } = unsafe { std::ptr::read_volatile(note) };
    let offset = u64::from_le_bytes(offset) as usize;
    if offset == 0 {
        return None;
    }
    let address = std::ptr::from_ref(note).addr().wrapping_add(offset);
    let length = u64::from_le_bytes(length) as usize;
    // SAFETY: by the contract
    Some(unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(address), length) })
}

/// What Rust's start-up does besides: a closed pipe becomes an error of the write, which the
/// program reports or not, and standard streams that are closed become empty ones, so that no
/// file opened later takes their place.
pub fn prepare() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal has no preconditions; asking for the flags of a descriptor
    // changes nothing; the path ends with a zero byte.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        for stream in 0..3 {
            if libc::fcntl(stream, libc::F_GETFD) == -1 {
                // takes the lowest free number, which is this one
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
            }
        }
    }
}
