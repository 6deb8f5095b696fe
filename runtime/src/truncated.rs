//! A mapped image file that becomes shorter while it runs: pages behind its new end raise SIGBUS.
//! If the page belongs to a mapped image the process ends with a message and a documented exit
//! code; any other such fault does what it would do without this.
#![allow(unsafe_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Exit code of a process whose mapped image was truncated: that of a damaged image.
pub const EXIT_CODE: i32 = 4;

const MESSAGE: &[u8] =
    b"Error: the image file became shorter while it was running; install images by renaming them\n";

/// The addresses of a mapped image. A handler of signals may look at any time, so entries are
/// never freed: forty bytes for each large image that a process ever maps.
struct Range {
    start: usize,
    /// Zero once the mapping is gone.
    end: AtomicUsize,
    next: *const Range,
}

static RANGES: AtomicPtr<Range> = AtomicPtr::new(std::ptr::null_mut());

/// A mapping that the handler knows, until it is dropped.
pub struct Watched(&'static Range);

/// Tells the handler of a mapping, and installs it at the first.
pub fn watch(bytes: &[u8]) -> Watched {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(install);
    let start = bytes.as_ptr().addr();
    let page_end = (start + bytes.len()).next_multiple_of(4096);
    let next = RANGES.load(Ordering::Acquire);
    let range = Box::leak(Box::new(Range {
        start,
        end: page_end.into(),
        next,
    }));
    // Others may have come first: theirs then follows.
    while let Err(first) = RANGES.compare_exchange(
        range.next.cast_mut(),
        range,
        Ordering::AcqRel,
        Ordering::Acquire,
    ) {
        range.next = first;
    }
    Watched(range)
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.end.store(0, Ordering::Release);
    }
}

fn is_watched(address: usize) -> bool {
    let mut at = RANGES.load(Ordering::Acquire).cast_const();
    // SAFETY: entries are leaked, and reached only after they were filled
    while let Some(range) = unsafe { at.as_ref() } {
        if (range.start..range.end.load(Ordering::Acquire)).contains(&address) {
            return true;
        }
        at = range.next;
    }
    false
}

extern "C" fn on_bus_error(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system gives the information of the fault. Nothing here allocates or locks:
    // write, _exit, signal and raise may be called in a handler.
    unsafe {
        // Positive codes are faults; others have sent the signal, which has no address then.
        if (*info).si_code > 0 && is_watched((*info).si_addr().addr()) {
            libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
            libc::_exit(EXIT_CODE);
        }
        // The instruction faults again, or the signal that somebody sent arrives again, without
        // this handler.
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

fn install() {
    // SAFETY: an action of zeros is valid; the handler has the signature that SA_SIGINFO wants,
    // and calls nothing but async-signal-safe functions
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_bus_error as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut());
    }
}
