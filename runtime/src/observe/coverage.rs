//! `--coverage`: which lines, functions and branches a program executed, as lcov reads it.

use super::{At, Observer};
use crate::program::Image;
use crate::vm::Vm;
use gene_format::image::FuncView;
use gene_format::ops::{Insn, Op};
use gene_format::program::{FuncId, FuncKind};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

/// How often the instructions of a function were executed, and jumped.
struct Counts {
    hits: Vec<u64>,
    jumps: Vec<u64>,
}

/// A conditional jump that was the last instruction.
struct Branch {
    address: usize,
    counts: usize,
    at: u32,
    /// Where it jumps to.
    to: i64,
}

/// Counts how often instructions are executed.
pub struct Coverage {
    file: PathBuf,
    /// By the addresses of image and function.
    known: HashMap<(usize, u32), usize>,
    counts: Vec<Counts>,
    /// The last function and its counts.
    last: (usize, usize),
    branch: Option<Branch>,
}

/// What is known of a module.
#[derive(Default)]
struct Module {
    /// How often by line.
    lines: BTreeMap<u32, u64>,
    /// How often by line and name.
    functions: BTreeMap<(u32, String), u64>,
    /// By line, column, and index among those of the place: how often it goes on and jumps.
    branches: BTreeMap<(u32, u32, u32), (u64, u64)>,
}

/// Jumps that a program's conditions become. Not among them: what the compiler adds for optional
/// parameters and for loops over collections.
fn is_branch(op: Op) -> bool {
    (Op::JT as u8..=Op::ForLtI as u8).contains(&(op as u8))
}

impl Coverage {
    /// Coverage to be written to a file.
    pub fn new(file: PathBuf) -> Coverage {
        Coverage {
            file,
            known: HashMap::new(),
            counts: Vec::new(),
            last: (0, 0),
            branch: None,
        }
    }

    fn counts_of(&mut self, image: &Image, id: FuncId, len: u32) -> usize {
        let key = (std::ptr::from_ref(image) as usize, id.0);
        *self.known.entry(key).or_insert_with(|| {
            self.counts.push(Counts {
                hits: vec![0; len as usize],
                jumps: vec![0; len as usize],
            });
            self.counts.len() - 1
        })
    }

    /// Adds what is known of a function to its module.
    fn add(&self, image: &Image, func: &FuncView, module: &mut Module) -> Option<()> {
        let lines = image.debug_view().lines(func.id)?;
        let key = (std::ptr::from_ref(image) as usize, func.id.0);
        let counts = self.known.get(&key).map(|&at| &self.counts[at]);
        let code = image.view.code(func).ok()?;
        // Callers leave out checks at the start: they count as the instruction behind them.
        let checks = super::checks_at_start(code);
        let hits = |at: usize| {
            let executed = |at: usize| counts.map_or(0, |counts| counts.hits[at]);
            match at < checks && checks < code.len() {
                true => executed(at).max(executed(checks)),
                false => executed(at),
            }
        };
        let mut places: HashMap<(u32, u32), u32> = HashMap::new();
        for (index, &(start, line, column)) in lines.iter().enumerate() {
            let end = lines
                .get(index + 1)
                .map_or(code.len(), |next| next.0 as usize);
            if line == 0 {
                continue;
            }
            let mut most = 0;
            let instructions = code.iter().enumerate().take(end);
            for (at, &word) in instructions.skip(start as usize) {
                most = most.max(hits(at));
                if Insn::decode(word).is_some_and(|insn| is_branch(insn.op)) {
                    let nth = places.entry((line, column)).or_default();
                    let jumps = counts.map_or(0, |counts| counts.jumps[at]);
                    let branch = module.branches.entry((line, column, *nth)).or_default();
                    branch.0 += hits(at) - jumps;
                    branch.1 += jumps;
                    *nth += 1;
                }
            }
            let count = module.lines.entry(line).or_default();
            *count = most.max(*count);
        }
        if !matches!(func.kind, FuncKind::Module | FuncKind::Thunk) && func.place.0 > 0 {
            let (line, column) = func.place;
            let name = match image.view.string(func.name) {
                Ok(name) if !name.is_empty() => name.to_owned(),
                _ => format!("anonymous:{line}:{column}"),
            };
            *module.functions.entry((line, name)).or_default() += hits(0);
        }
        Some(())
    }

    fn modules(&self, vm: &Vm) -> Result<BTreeMap<String, Module>, String> {
        let mut modules: BTreeMap<String, Module> = BTreeMap::new();
        for image in vm.program_images() {
            let mut any = false;
            for id in 0..image.view.func_count() as u32 {
                let Ok(func) = image.view.func(FuncId(id)) else {
                    continue;
                };
                let name = super::module_name(image, func.module).unwrap_or_default();
                if name.starts_with('<') {
                    any = true; // text that is in no file
                    continue;
                }
                let module = modules.entry(name.to_owned()).or_default();
                any |= self.add(image, &func, module).is_some();
            }
            if !any {
                return Err(format!("{}: no coverage of a stripped image", image.name));
            }
        }
        Ok(modules)
    }
}

impl Observer for Coverage {
    fn step(&mut self, at: &mut At<'_>) {
        let frame = at.frame();
        let proto = frame.proto();
        let (Some(image), Some(index)) = (proto.image(), frame.index()) else {
            return;
        };
        let address = std::ptr::from_ref(proto) as usize;
        let counts = match self.last.0 == address {
            true => self.last.1,
            false => self.counts_of(image, proto.id, proto.len),
        };
        self.last = (address, counts);
        if let Some(branch) = self.branch.take()
            && (branch.address, branch.counts) == (frame.address(), counts)
            && branch.to == i64::from(index)
        {
            self.counts[counts].jumps[branch.at as usize] += 1;
        }
        self.counts[counts].hits[index as usize] += 1;
        if let Some(insn) = at.insn()
            && is_branch(insn.op)
            && let Some(jump) = insn.jump()
        {
            self.branch = Some(Branch {
                address: frame.address(),
                counts,
                at: index,
                to: i64::from(index) + 1 + jump,
            });
        }
    }

    fn finish(&mut self, vm: &Vm) -> Result<(), String> {
        let mut out = String::new();
        for (name, module) in self.modules(vm)? {
            write_module(&mut out, &name, &module);
        }
        super::output::write(&self.file, &out)
    }
}

fn write_module(out: &mut String, name: &str, module: &Module) {
    let _ = write!(out, "TN:\nSF:{name}\n");
    // lcov tells functions apart by their names
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut names = Vec::new();
    for (line, name) in module.functions.keys() {
        let count = seen.entry(name).or_default();
        *count += 1;
        names.push(match *count {
            1 => name.clone(),
            _ => format!("{name}:{line}"),
        });
    }
    for (((line, _), _), name) in module.functions.iter().zip(&names) {
        let _ = writeln!(out, "FN:{line},{name}");
    }
    for (count, name) in module.functions.values().zip(&names) {
        let _ = writeln!(out, "FNDA:{count},{name}");
    }
    let found = |counts: &mut dyn Iterator<Item = u64>| {
        counts.fold((0, 0), |(all, hit), count| {
            (all + 1, hit + u64::from(count > 0))
        })
    };
    let (all, hit) = found(&mut module.functions.values().copied());
    let _ = write!(out, "FNF:{all}\nFNH:{hit}\n");
    for (block, ((line, ..), (goes_on, jumps))) in module.branches.iter().enumerate() {
        for (branch, count) in [goes_on, jumps].into_iter().enumerate() {
            let count = match goes_on + jumps {
                0 => "-".to_owned(),
                _ => count.to_string(),
            };
            let _ = writeln!(out, "BRDA:{line},{block},{branch},{count}");
        }
    }
    let branches = module.branches.values();
    let (all, hit) = found(&mut branches.flat_map(|&(goes_on, jumps)| [goes_on, jumps]));
    let _ = write!(out, "BRF:{all}\nBRH:{hit}\n");
    for (line, count) in &module.lines {
        let _ = writeln!(out, "DA:{line},{count}");
    }
    let (all, hit) = found(&mut module.lines.values().copied());
    let _ = write!(out, "LF:{all}\nLH:{hit}\nend_of_record\n");
}
