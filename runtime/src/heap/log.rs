//! `--gc-log` and `--gc-stats`: what the collector did.

#![allow(unsafe_code)]

use crate::heap::Heap;
use crate::observe::output;
use std::io::{self, Write};
use std::path::Path;

/// Processor time of this thread in nanoseconds: what other programs do does not count.
fn processor_time() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the system fills the struct that it gets
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What the collector did.
#[derive(Clone, Copy, Default, Debug)]
pub struct GcStats {
    /// Steps: pauses of the program.
    pub steps: usize,
    /// Processor time of all steps and of the longest, in nanoseconds.
    pub total: u64,
    /// As `total`.
    pub longest: u64,
    /// Most bytes traced in one step.
    pub traced: usize,
}

/// What is known of the heap before and after a step.
#[derive(Clone, Copy)]
struct State {
    marking: bool,
    collections: usize,
    traced: usize,
    live: usize,
}

impl State {
    fn of(heap: &Heap) -> State {
        State {
            marking: heap.marking,
            collections: heap.collections,
            traced: heap.traced,
            live: heap.used(),
        }
    }
}

/// Counts what the collector does, and writes a line for each step.
pub struct GcLog {
    stats: GcStats,
    out: Option<Box<dyn Write>>,
    /// The first error of writing.
    failed: Option<String>,
}

/// A step that is not over.
pub struct Step {
    before: State,
    time: u64,
}

impl GcLog {
    /// Counts only.
    pub fn silent() -> GcLog {
        GcLog {
            stats: GcStats::default(),
            out: None,
            failed: None,
        }
    }

    /// Writes to a file, or to standard error.
    pub fn new(file: Option<&Path>) -> GcLog {
        let mut log = GcLog::silent();
        let Some(file) = file else {
            log.out = Some(Box::new(io::stderr()));
            return log;
        };
        match output::create(file) {
            Ok(made) => log.out = Some(made),
            Err(message) => log.failed = Some(message),
        }
        log
    }

    /// The figures.
    pub fn stats(&self) -> GcStats {
        self.stats
    }

    /// A step begins.
    pub fn begin(heap: &Heap) -> Step {
        Step {
            before: State::of(heap),
            time: processor_time(),
        }
    }

    /// It ends; `full`: memory was short, and everything was collected at once.
    pub fn end(&mut self, step: &Step, heap: &Heap, full: bool) {
        let pause = processor_time() - step.time;
        let (before, after) = (step.before, State::of(heap));
        let traced = after.traced - before.traced;
        self.stats.steps += 1;
        self.stats.total += pause;
        self.stats.longest = self.stats.longest.max(pause);
        self.stats.traced = self.stats.traced.max(traced);
        let Some(out) = &mut self.out else {
            return;
        };
        let started = after.collections > before.collections;
        let kind = match (before.marking, after.marking) {
            _ if full => "full",
            (false, true) => "start",
            (true, true) => "mark",
            (true, false) => "finish",
            (false, false) if started => "whole",
            (false, false) => "sweep",
        };
        let number = after.collections;
        let (live, left) = (before.live >> 10, after.live >> 10);
        let written = writeln!(
            out,
            "gc {number} {kind}: traced {} KiB, live {live} -> {left} KiB, pause {}.{:03} ms",
            traced >> 10,
            pause / 1_000_000,
            pause / 1000 % 1000
        );
        if let Err(error) = written {
            self.failed
                .get_or_insert(format!("the log of the collector: {error}"));
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(&mut self) -> Result<(), String> {
        if let Some(out) = &mut self.out
            && let Err(error) = out.flush()
        {
            self.failed
                .get_or_insert(format!("the log of the collector: {error}"));
        }
        self.failed.take().map_or(Ok(()), Err)
    }
}
