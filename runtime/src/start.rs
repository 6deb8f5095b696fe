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
