//! The heap: non-moving, tracing mark-sweep with size classes, marked in steps and swept lazily.
//!
//! A collection is spread over safepoints, so that no pause grows with the heap: roots are marked,
//! then each safepoint that is due traces some bytes more; when nothing is left, roots are marked
//! again, and with nothing new the collection ends. Meanwhile programs change objects that are
//! traced already. The barrier is that of Dijkstra (On-the-fly garbage collection, 1978) where a
//! value is stored ([`Heap::stored`]), and of Steele (Multiprocessing compactifying garbage
//! collection, 1975), which traces the object again, where anything may happen to one (the
//! `…_mut` views). Stacks and tables have none; they are scanned again at the end.
//!
//! Invariants that unsafe code rests on:
//! - H1: an object value points to a live object. The collector runs only at safepoints, where
//!   everything alive is reachable from stacks, tables and the fields of `Vm`.
//! - H2: strings point at valid UTF-8 that neither moves nor changes.
//! - H3: the parts of `Items` are those of a `Vec<Value>`.
//! - H4: an object's header tells its layout, and its cell is large enough for it.
//! - H5: while marking, a traced object holds no unmarked one, unless it is to be traced again.
#![allow(unsafe_code)]

pub mod log;
pub mod object;
pub mod shape;
pub mod table;

use crate::fiber::Fiber;
use crate::value::Value;
use object::*;
use shape::Shapes;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::null_mut;

const GRANULE: usize = 16;
/// Size classes: cells of 16, 32 … 512 bytes.
const CLASSES: usize = 33;
const BLOCK: usize = 64 << 10;
/// Bytes traced in one step of marking: well below a millisecond.
const MARK_STEP: usize = 512 << 10;
/// Bytes handed out between two steps. Marking all then takes a quarter of the live bytes.
const STEP_EVERY: usize = 128 << 10;
/// Bytes handed out while marking after which it ends at once, if less is alive.
const LATE: usize = 128 << 20;
/// Bytes that a store into a guarded array counts for: a step follows 1,024 of them.
const GUARDED_STORE: usize = 128;
/// Blocks swept in one step.
const SWEEP_STEP: usize = 32;
/// Blocks without a free cell that an allocation sweeps before it takes a new one.
const SWEEP_MISSES: usize = 8;
/// Values of a large array or table traced at a time.
const SLICE: usize = 2048;
/// How often the end of marking may find that much new that it goes on in steps.
const MAX_REMARKS: u32 = 8;
/// Bytes of a fresh block that are made ready at a time.
const CARVE: usize = 4 << 10;
const MIN_THRESHOLD: usize = 8 << 20;
/// Below this many bytes of live objects and stack, stress mode collects at every safepoint;
/// above it, each time an eighth as much was allocated: else deep recursion takes hours.
const STRESS_ALWAYS: usize = 256 << 10;

/// The size class of an object of this size; `CLASSES` or more: on its own.
#[inline(always)]
pub const fn size_class(bytes: usize) -> usize {
    bytes.div_ceil(GRANULE)
}

/// A free cell.
#[repr(C)]
struct FreeCell {
    header: Obj,
    next: *mut FreeCell,
}

#[derive(Default)]
struct SizeClass {
    blocks: Vec<*mut u8>,
    /// `blocks[..swept]` are swept since the last collection.
    swept: usize,
    /// A block of which only the first cells were ever used; it is in `blocks` once all were.
    fresh: Option<Fresh>,
}

#[derive(Clone, Copy)]
struct Fresh {
    block: *mut u8,
    /// Cells on a free list or in use.
    carved: usize,
}

struct Large {
    object: *mut Obj,
    bytes: usize,
}

/// The heap of one machine.
#[repr(C)]
pub struct Heap {
    free: [*mut FreeCell; CLASSES],
    classes: [SizeClass; CLASSES],
    large: Vec<Large>,
    /// Shapes of instances.
    pub shapes: Shapes,
    /// Marked objects that are to be traced.
    mark_stack: Vec<*mut Obj>,
    /// Large arrays and tables of which a part is traced, with the place to go on at.
    partial: Vec<(*mut Obj, usize)>,
    /// Generators that ran while marking: their stacks are scanned at the end.
    resumed: Vec<*mut Generator>,
    /// A collection is marking: stores need their barrier.
    pub marking: bool,
    /// What `mark` marks objects with: MARKED, or CHECKED while the result is checked.
    level: u8,
    remarks: u32,
    /// `since` when marking began.
    started: usize,
    /// Bytes traced since the start.
    pub traced: usize,
    /// `live` and `live_outside` of the collection that is marking.
    found: usize,
    found_outside: usize,
    /// Bytes handed out since the last collection.
    since: usize,
    threshold: usize,
    /// Bytes of blocks and large objects.
    mapped: usize,
    /// Bytes that objects hold outside their cells, as of the last collection plus growth since.
    outside: usize,
    live: usize,
    live_outside: usize,
    /// Most bytes in all; `usize::MAX` for no limit.
    pub max_bytes: usize,
    /// Collect at every safepoint at which something was allocated.
    stress: bool,
    stress_free: [*mut FreeCell; CLASSES],
    /// Collections so far.
    pub collections: usize,
}

/// The memory limit is reached, even after a collection.
#[derive(Clone, Copy, Debug)]
pub struct OutOfMemory;

impl Heap {
    /// An empty heap.
    pub fn new(max_bytes: usize, stress: bool) -> Heap {
        Heap {
            free: [null_mut(); CLASSES],
            classes: std::array::from_fn(|_| SizeClass::default()),
            large: Vec::new(),
            shapes: Shapes::default(),
            mark_stack: Vec::new(),
            partial: Vec::new(),
            resumed: Vec::new(),
            marking: false,
            level: MARKED,
            remarks: 0,
            started: 0,
            traced: 0,
            found: 0,
            found_outside: 0,
            since: 0,
            threshold: if stress { 0 } else { MIN_THRESHOLD },
            mapped: 0,
            outside: 0,
            live: 0,
            live_outside: 0,
            max_bytes,
            stress,
            stress_free: [null_mut(); CLASSES],
            collections: 0,
        }
    }

    /// Pops a cell of the class, or returns null: then the caller takes its slow path.
    #[inline(always)]
    pub fn try_alloc(&mut self, class: usize) -> *mut Obj {
        let cell = self.free[class];
        if !cell.is_null() {
            // SAFETY: cells on a free list are unused and have a valid link
            self.free[class] = unsafe { (*cell).next };
        }
        cell.cast()
    }

    /// True if the next safepoint should collect.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        self.since > self.threshold
    }

    /// Bytes that survived the last collection, and those handed out since.
    pub fn used(&self) -> usize {
        self.live + self.live_outside + self.since
    }

    /// Bytes that survived the last collection.
    pub fn live_bytes(&self) -> usize {
        self.live + self.live_outside
    }

    /// True if the limit is exceeded now.
    pub fn is_over_limit(&self) -> bool {
        self.used() > self.max_bytes
    }

    /// Bytes in use: blocks, large objects and what objects hold outside their cells.
    pub fn bytes(&self) -> usize {
        self.mapped + self.outside
    }

    /// Counts bytes that an object took outside its cell.
    #[inline(always)]
    pub fn charge(&mut self, bytes: usize) {
        self.since += bytes;
        self.outside += bytes;
    }

    /// True if this many more bytes would exceed the limit.
    pub fn would_exceed(&self, bytes: usize) -> bool {
        self.mapped
            .saturating_add(self.outside)
            .saturating_add(bytes)
            > self.max_bytes
    }

    /// Memory for an object of this size. Never collects.
    pub fn alloc(&mut self, bytes: usize) -> *mut Obj {
        let class = size_class(bytes);
        if class >= CLASSES {
            return self.alloc_large(bytes);
        }
        if self.stress {
            self.since += bytes;
            if self.stress_free[class].is_null() {
                self.refill(class);
                self.stress_free[class] = std::mem::replace(&mut self.free[class], null_mut());
            }
            let cell = self.stress_free[class];
            // SAFETY: as in `try_alloc`
            self.stress_free[class] = unsafe { (*cell).next };
            return cell.cast();
        }
        let cell = self.try_alloc(class);
        if !cell.is_null() {
            return cell;
        }
        self.refill(class);
        self.try_alloc(class)
    }

    fn alloc_large(&mut self, bytes: usize) -> *mut Obj {
        let bytes = bytes.next_multiple_of(GRANULE);
        let layout = Layout::from_size_align(bytes, GRANULE).expect("object sizes fit isize");
        // SAFETY: the layout is not empty
        let object: *mut Obj = unsafe { alloc(layout) }.cast();
        if object.is_null() {
            handle_alloc_error(layout);
        }
        self.large.push(Large { object, bytes });
        self.mapped += bytes;
        self.since += bytes;
        object
    }

    /// Moves `value` into a fresh object of its type's size plus `extra` bytes behind it.
    pub fn place<T>(&mut self, kind: Kind, extra: usize, make: impl FnOnce(Obj) -> T) -> *mut T {
        self.place_shape(kind as ShapeId, extra, make)
    }

    /// As `place`, for an instance shape.
    pub fn place_shape<T>(
        &mut self,
        shape: ShapeId,
        extra: usize,
        make: impl FnOnce(Obj) -> T,
    ) -> *mut T {
        let bytes = size_of::<T>() + extra;
        let class = size_class(bytes);
        let header = Obj {
            shape,
            marked: 0,
            flags: 0,
            class: if class < CLASSES { class as u16 } else { 0 },
        };
        let value = make(header);
        let object: *mut T = self.alloc(bytes).cast();
        // SAFETY: H4: the cell is fresh and has room for T
        unsafe { object.write(value) };
        object
    }

    /// Makes the free list of `class` non-empty.
    fn refill(&mut self, class: usize) {
        let mut misses = 0;
        while misses < SWEEP_MISSES && self.classes[class].swept < self.classes[class].blocks.len()
        {
            if self.sweep_next(class) {
                return;
            }
            misses += 1;
        }
        if self.classes[class].fresh.is_none() {
            self.new_block(class);
        }
        self.carve(class, CARVE);
    }

    fn new_block(&mut self, class: usize) {
        let layout = Layout::from_size_align(BLOCK, 4096).expect("a constant layout");
        // SAFETY: the layout is not empty
        let block = unsafe { alloc(layout) };
        if block.is_null() {
            handle_alloc_error(layout);
        }
        assert_eq!(
            (block as usize + BLOCK) >> 48,
            0,
            "objects need 48-bit addresses"
        );
        self.classes[class].fresh = Some(Fresh { block, carved: 0 });
        self.mapped += BLOCK;
    }

    /// Puts about `bytes` of the fresh block on the free list: a small program then touches a
    /// few pages of each block, not all of it.
    fn carve(&mut self, class: usize, bytes: usize) {
        let Some(Fresh { block, carved }) = self.classes[class].fresh else {
            return;
        };
        let cell_size = class * GRANULE;
        let cells = BLOCK / cell_size;
        let end = cells.min(carved + (bytes / cell_size).max(1));
        for i in (carved..end).rev() {
            // SAFETY: the cells lie inside the block and were never used
            unsafe { self.free_cell(block.add(i * cell_size).cast(), class) };
        }
        self.since += (end - carved) * cell_size;
        let c = &mut self.classes[class];
        if end == cells {
            c.fresh = None;
            c.blocks.insert(c.swept, block);
            c.swept += 1;
        } else {
            c.fresh = Some(Fresh { block, carved: end });
        }
    }

    /// # Safety
    /// `cell` is unused memory of the class's cell size.
    unsafe fn free_cell(&mut self, cell: *mut FreeCell, class: usize) {
        // SAFETY: by the contract
        unsafe {
            cell.write(FreeCell {
                header: Obj {
                    shape: Kind::Free as ShapeId,
                    marked: 0,
                    flags: 0,
                    class: class as u16,
                },
                next: self.free[class],
            });
        }
        self.free[class] = cell;
    }

    /// Sweeps one block: lazily, when its size class runs dry, so a collection only marks.
    fn sweep_next(&mut self, class: usize) -> bool {
        let c = &mut self.classes[class];
        let block = c.blocks[c.swept];
        c.swept += 1;
        let cell_size = class * GRANULE;
        let mut freed = 0;
        for i in (0..BLOCK / cell_size).rev() {
            // SAFETY: every cell of a block starts with an initialised header
            unsafe {
                let o: *mut Obj = block.add(i * cell_size).cast();
                if (*o).marked != UNMARKED {
                    (*o).marked = UNMARKED;
                    (*o).flags &= !GUARDED;
                    continue;
                }
                drop_payload(o);
                self.free_cell(o.cast(), class);
                freed += cell_size;
            }
        }
        self.since += freed;
        freed > 0
    }

    fn sweep_large(&mut self) {
        let mut kept = Vec::with_capacity(self.large.len());
        for large in std::mem::take(&mut self.large) {
            // SAFETY: large objects are live or were just found dead
            unsafe {
                if (*large.object).marked != UNMARKED {
                    (*large.object).marked = UNMARKED;
                    (*large.object).flags &= !GUARDED;
                    kept.push(large);
                } else {
                    drop_payload(large.object);
                    let layout = Layout::from_size_align(large.bytes, GRANULE)
                        .expect("the layout it was allocated with");
                    dealloc(large.object.cast(), layout);
                    self.mapped -= large.bytes;
                }
            }
        }
        self.large = kept;
    }

    /// Sweeps some of what the last collection left; true if nothing is left, so no mark is set.
    pub fn sweep_some(&mut self) -> bool {
        let mut left = SWEEP_STEP;
        for class in 1..CLASSES {
            while self.classes[class].swept < self.classes[class].blocks.len() {
                if left == 0 {
                    return false;
                }
                left -= 1;
                self.sweep_next(class);
            }
        }
        true
    }

    /// Starts a collection, with everything swept. Then `mark` every root, then `mark_some`.
    pub fn start_marking(&mut self) {
        self.collections += 1;
        self.marking = true;
        self.started = self.since;
        self.remarks = 0;
        self.found = 0;
        self.found_outside = 0;
    }

    /// Marks what the heap itself refers to.
    pub fn mark_shapes(&mut self) {
        let classes: Vec<*mut Class> = self.shapes.classes().collect();
        for class in classes {
            self.mark_obj(class.cast());
        }
    }

    /// Marks a root or a field.
    #[inline(always)]
    pub fn mark(&mut self, v: Value) {
        if v.is_obj() {
            self.mark_obj(v.as_obj());
        }
    }

    #[inline(always)]
    fn mark_obj(&mut self, o: *mut Obj) {
        // SAFETY: H1
        unsafe {
            if (*o).marked < self.level {
                assert!(
                    self.level == MARKED || (*o).marked != UNMARKED,
                    "the collector missed an object"
                );
                (*o).marked = self.level;
                self.mark_stack.push(o);
            }
        }
    }

    /// The barrier of a store: `v` was or will be put into an object before the next safepoint.
    #[inline(always)]
    pub fn stored(&mut self, v: Value) {
        if self.marking {
            self.mark(v);
        }
    }

    /// The barrier of any change: the object is traced again.
    ///
    /// # Safety
    /// `o` is live.
    #[inline(always)]
    pub unsafe fn changed(&mut self, o: *mut Obj) {
        // SAFETY: by the contract
        unsafe {
            if self.marking && (*o).marked == TRACED {
                (*o).marked = AGAIN;
                self.mark_stack.push(o);
            }
        }
    }

    /// The barrier of a generator that goes on: it changes its stack without further notice.
    ///
    /// # Safety
    /// `g` is live.
    #[inline(always)]
    pub unsafe fn note_resumed(&mut self, g: *mut Generator) {
        if self.marking {
            // SAFETY: by the contract
            unsafe { self.note_resumed_now(g) };
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn note_resumed_now(&mut self, g: *mut Generator) {
        // SAFETY: by the contract of `note_resumed`
        unsafe {
            if (*g).header.flags & GUARDED == 0 {
                (*g).header.flags |= GUARDED;
                self.resumed.push(g);
            }
        }
    }

    /// Lets the fast paths store into an array again, once no collection is marking. Until then
    /// each store that takes the slow path for it brings the end nearer: a program that only
    /// stores and makes nothing new would stay slow.
    ///
    /// # Safety
    /// `o` is live.
    #[inline(always)]
    pub unsafe fn unguard(&mut self, o: *mut Obj) {
        if self.marking {
            self.since += GUARDED_STORE;
        } else {
            // SAFETY: by the contract
            unsafe { (*o).flags &= !GUARDED };
        }
    }

    fn mark_if<T>(&mut self, o: *mut T) {
        if !o.is_null() {
            self.mark_obj(o.cast());
        }
    }

    fn mark_all(&mut self, values: &[Value]) {
        for &v in values {
            self.mark(v);
        }
    }

    fn mark_table(&mut self, table: &table::Table) {
        for e in table.iter() {
            self.mark(e.key);
            self.mark(e.value);
        }
    }

    /// Marks a suspended fiber's stack, and clears what lies above its frames.
    pub fn mark_fiber(&mut self, fiber: &mut Fiber) {
        // SAFETY: a suspended fiber's stack is filled up to its top
        unsafe {
            let words = fiber.live_words();
            let top = fiber.bottom().add(words.len());
            self.mark_all(words);
            fiber.clear_above(top);
        }
    }

    /// Traces marked objects until about `MARK_STEP` bytes are done, or all with `to_the_end`.
    /// True if none is left.
    pub fn mark_some(&mut self, to_the_end: bool) -> bool {
        let budget = match (to_the_end, self.stress) {
            (true, _) => usize::MAX,
            (false, false) => MARK_STEP,
            (false, true) => 2 << 10,
        };
        let mut done = 0;
        while done < budget {
            done += if let Some(o) = self.mark_stack.pop() {
                // SAFETY: H1, H4: marked objects are live; the header tells the layout
                unsafe { self.trace(o) }
            } else if let Some((o, from)) = self.partial.pop() {
                // SAFETY: as above
                unsafe { self.trace_slice(o, from) }
            } else {
                break;
            };
        }
        self.traced += done;
        self.mark_stack.is_empty() && self.partial.is_empty()
    }

    /// Roots were marked again at the end: true if marking must come to its end now.
    pub fn is_last_remark(&mut self) -> bool {
        self.take_resumed();
        self.remarks += 1;
        self.remarks > MAX_REMARKS
    }

    /// Has the stacks of generators that ran traced again. Those that still run stay noted.
    fn take_resumed(&mut self) {
        let mut noted = std::mem::take(&mut self.resumed);
        noted.retain(|&g| {
            // SAFETY: nothing is freed while marking
            unsafe {
                self.changed(g.cast());
                let runs = self.marking && (*g).fiber.as_ref().is_some_and(|f| f.running);
                if !runs {
                    (*g).header.flags &= !GUARDED;
                }
                runs
            }
        });
        self.resumed = noted;
    }

    /// True if the program made so much while marking that the rest is to be marked at once:
    /// barriers may make work as fast as steps do it.
    pub fn is_late(&self) -> bool {
        self.since > self.started + (self.live + self.live_outside).max(LATE)
    }

    /// Says when the next step of the collection is due.
    pub fn wait_for_step(&mut self) {
        self.threshold = if self.stress {
            0
        } else {
            self.since + STEP_EVERY
        };
    }

    /// True if every object that `mark` and `mark_some` find from now on must be marked already:
    /// the check of the barriers in stress mode.
    pub fn start_checking(&mut self) -> bool {
        self.level = CHECKED;
        self.stress
    }

    /// Ends a collection in which everything reachable is marked, and decides when the next one
    /// is due. `stack` is how many bytes of stack were scanned.
    pub fn finish_marking(&mut self, stack: usize) {
        self.marking = false;
        self.level = MARKED;
        self.take_resumed();
        self.sweep_large();
        for class in 1..CLASSES {
            // The cells that never were on a free list are not known to the sweep.
            self.carve(class, BLOCK);
            self.free[class] = null_mut();
            self.stress_free[class] = null_mut();
            self.classes[class].swept = 0;
        }
        self.live = self.found;
        self.live_outside = self.found_outside;
        self.outside = self.live_outside;
        self.since = 0;
        let all = self.live + self.live_outside;
        // While it is marked, a heap grows by another quarter.
        self.threshold = if !self.stress {
            MIN_THRESHOLD.max(all - all / 4)
        } else if all + stack < STRESS_ALWAYS {
            0
        } else {
            (all + stack) / 8
        };
    }

    /// Marks what an object refers to; gives the bytes looked at.
    ///
    /// # Safety
    /// `o` is live.
    unsafe fn trace(&mut self, o: *mut Obj) -> usize {
        // SAFETY: by the contract and H4
        unsafe {
            let first = (*o).marked == MARKED;
            (*o).marked = TRACED.max(self.level);
            let size = match (*o).class {
                0 => 1024,
                class => class as usize * GRANULE,
            };
            let outside = match (*o).kind() {
                Kind::Instance => self.trace_instance(o.cast()),
                Kind::Array => {
                    let a: *mut Array = o.cast();
                    (*o).flags |= GUARDED;
                    if (*a).items.len() > SLICE {
                        self.partial.push((o, 0));
                    } else {
                        self.mark_all((*a).items.as_slice());
                    }
                    (*a).items.capacity() * 8
                }
                Kind::Map | Kind::HashMap | Kind::HashSet => {
                    let m: *mut MapObj = o.cast();
                    if (*m).table.places() > SLICE {
                        self.partial.push((o, 0));
                    } else {
                        self.mark_table(&(*m).table);
                    }
                    (*m).table.bytes()
                }
                Kind::Closure => {
                    let c: *mut Closure = o.cast();
                    self.mark((*c).home);
                    let captures = Closure::captures(c);
                    for i in 0..(*c).captures as usize {
                        self.mark(*captures.add(i));
                    }
                    0
                }
                Kind::Cell => {
                    self.mark((*o.cast::<Cell>()).value);
                    0
                }
                Kind::Str => {
                    self.mark_if((*o.cast::<Str>()).buffer);
                    0
                }
                Kind::Gene => {
                    let g: *mut Gene = o.cast();
                    self.mark((*g).head);
                    self.mark_table(&(*g).props);
                    self.mark_all(&(*g).children);
                    (*g).props.bytes() + (*g).children.capacity() * 8
                }
                Kind::Range => {
                    let r: *mut Range = o.cast();
                    self.mark((*r).start);
                    self.mark((*r).end);
                    0
                }
                Kind::Class => {
                    let c: *mut Class = o.cast();
                    self.mark_if((*c).parent);
                    self.mark((*c).ctor);
                    self.mark((*c).missing);
                    for &m in (*c).methods.values() {
                        self.mark(m);
                    }
                    for &(_, m) in &(*c).members {
                        self.mark(m);
                    }
                    0
                }
                Kind::Namespace => {
                    let n: *mut Namespace = o.cast();
                    self.mark_if((*n).parent);
                    self.mark_table(&(*n).members);
                    self.mark_all(&(*n).missing);
                    (*n).members.bytes()
                }
                Kind::Generator => {
                    let g: *mut Generator = o.cast();
                    self.mark((*g).ahead);
                    match &mut (*g).fiber {
                        Some(fiber) => {
                            if !fiber.running {
                                self.mark_fiber(fiber);
                            }
                            fiber.bytes()
                        }
                        None => 0,
                    }
                }
                Kind::Iterator => {
                    self.mark((*o.cast::<Iterator>()).source);
                    0
                }
                Kind::Record => {
                    self.mark_all(&(*o.cast::<Record>()).fields);
                    0
                }
                Kind::Bytes => {
                    let b: &Bytes = &*o.cast();
                    b.data.len()
                }
                Kind::Native | Kind::BigInt | Kind::Path | Kind::Buffer | Kind::Free => 0,
            };
            if first {
                self.found += size;
                self.found_outside += outside;
            }
            size + outside.min(SLICE * 8)
        }
    }

    /// Marks the next values of a large array or table; gives the bytes looked at.
    ///
    /// # Safety
    /// `o` is a live array, map or set.
    unsafe fn trace_slice(&mut self, o: *mut Obj, from: usize) -> usize {
        let to = from + SLICE;
        // SAFETY: by the contract and H4
        unsafe {
            // What was added, or came to other places, since the slice before had its barrier.
            if (*o).kind() == Kind::Array {
                let items = (*o.cast::<Array>()).items.as_slice();
                let end = to.min(items.len());
                self.mark_all(items.get(from..end).unwrap_or_default());
                if to < items.len() {
                    self.partial.push((o, to));
                }
            } else {
                let table = &(*o.cast::<MapObj>()).table;
                for e in (from..to.min(table.places())).filter_map(|place| table.at(place)) {
                    self.mark(e.key);
                    self.mark(e.value);
                }
                if to < table.places() {
                    self.partial.push((o, to));
                }
            }
        }
        SLICE * 16
    }

    /// # Safety
    /// `o` is a live instance.
    unsafe fn trace_instance(&mut self, o: *mut Instance) -> usize {
        // SAFETY: by the contract and H4
        unsafe {
            let shape = self.shapes.get((*o).header.shape);
            let class = shape.class;
            let inline = shape.fields.len().min(shape.inline as usize);
            self.mark_obj(class.cast());
            let fields = instance_fields(o);
            for i in 0..inline {
                self.mark(*fields.add(i));
            }
            match &(*o).more {
                Some(more) => {
                    self.mark_all(more);
                    more.capacity() * 8
                }
                None => 0,
            }
        }
    }
}

/// First field of an instance.
///
/// # Safety
/// `o` is an instance.
#[inline(always)]
pub unsafe fn instance_fields(o: *mut Instance) -> *mut Value {
    // SAFETY: H4: the fields lie behind the struct
    unsafe { o.byte_add(FIELDS_OFFSET).cast() }
}

/// Drops what a dead object holds outside its cell.
///
/// # Safety
/// `o` starts a dead object or a free cell.
unsafe fn drop_payload(o: *mut Obj) {
    // SAFETY: H4; the object is dead, so nothing reads the payload again
    unsafe {
        match (*o).kind() {
            Kind::Array => std::ptr::drop_in_place(o.cast::<Array>()),
            Kind::Map | Kind::HashMap | Kind::HashSet => {
                std::ptr::drop_in_place(o.cast::<MapObj>())
            }
            Kind::Gene => std::ptr::drop_in_place(o.cast::<Gene>()),
            Kind::Instance => std::ptr::drop_in_place(o.cast::<Instance>()),
            Kind::Bytes => std::ptr::drop_in_place(o.cast::<Bytes>()),
            Kind::Path => std::ptr::drop_in_place(o.cast::<Path>()),
            Kind::Class => std::ptr::drop_in_place(o.cast::<Class>()),
            Kind::Namespace => std::ptr::drop_in_place(o.cast::<Namespace>()),
            Kind::Generator => std::ptr::drop_in_place(o.cast::<Generator>()),
            Kind::Record => std::ptr::drop_in_place(o.cast::<Record>()),
            Kind::Free
            | Kind::Str
            | Kind::Closure
            | Kind::Native
            | Kind::Cell
            | Kind::BigInt
            | Kind::Range
            | Kind::Iterator
            | Kind::Buffer => {}
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for class in 1..CLASSES {
            let cell_size = class * GRANULE;
            let cells = BLOCK / cell_size;
            let whole = self.classes[class]
                .blocks
                .iter()
                .map(|&block| (block, cells));
            let fresh = self.classes[class]
                .fresh
                .iter()
                .map(|f| (f.block, f.carved));
            for (block, cells) in whole.chain(fresh) {
                // SAFETY: the heap is gone, so every object is dead
                unsafe {
                    for i in 0..cells {
                        drop_payload(block.add(i * cell_size).cast());
                    }
                    let layout = Layout::from_size_align(BLOCK, 4096).expect("as allocated");
                    dealloc(block, layout);
                }
            }
        }
        for large in &self.large {
            // SAFETY: as above
            unsafe {
                drop_payload(large.object);
                let layout = Layout::from_size_align(large.bytes, GRANULE).expect("as allocated");
                dealloc(large.object.cast(), layout);
            }
        }
    }
}
