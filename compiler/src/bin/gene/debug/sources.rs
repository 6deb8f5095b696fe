//! The texts of a program's modules: from its images, else from files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gene_runtime::vm::Vm;

/// Texts of modules, read when they are asked for.
pub struct Sources {
    /// Where files are looked for, after the working directory.
    folder: PathBuf,
    known: HashMap<String, Option<String>>,
}

impl Sources {
    /// The sources of a program with this main file.
    pub fn new(program: &Path) -> Sources {
        Sources {
            folder: program.parent().unwrap_or(Path::new("")).to_owned(),
            known: HashMap::new(),
        }
    }

    /// The file of a module, if there is one.
    pub fn file(&self, module: &str) -> Option<PathBuf> {
        let here = [PathBuf::from(module), self.folder.join(module)];
        let found = here.into_iter().find(|path| path.is_file())?;
        std::path::absolute(found).ok()
    }

    /// A module's text.
    pub fn text(&mut self, vm: &Vm, module: &str) -> Option<&str> {
        if !self.known.contains_key(module) {
            let file = || std::fs::read_to_string(self.file(module)?).ok();
            let text = embedded(vm, module).or_else(file);
            self.known.insert(module.to_owned(), text);
        }
        self.known.get(module)?.as_deref()
    }

    /// A line of a module, from 1.
    pub fn line(&mut self, vm: &Vm, module: &str, line: u32) -> Option<&str> {
        let text = self.text(vm, module)?;
        text.lines().nth((line as usize).checked_sub(1)?)
    }
}

fn embedded(vm: &Vm, module: &str) -> Option<String> {
    vm.program_images().find_map(|image| {
        let modules = image.view.modules();
        let found = modules
            .iter()
            .find(|found| image.view.string(found.name) == Ok(module))?;
        image.debug_view().source(found.id).map(str::to_owned)
    })
}
