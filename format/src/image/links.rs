//! IMPT and EXPT: what connects the images of one program.

use super::{CheckedImage, Run, below, check_run, field, unexpected};
use crate::error::{Place, Result};
use crate::interface::{self, is_inside};
use crate::layout::*;
use crate::limits::MAX_IMPORTS;
use crate::program::{FuncId, StrId, TableEntry, TableId};

/// Another image that this one needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ImportView<'a> {
    /// Its file, relative to the folder of the program's main image; never outside it.
    pub path: &'a str,
    /// The interface that the code was compiled against.
    pub interface: &'a [u8; 32],
}

/// A name that other images may use, or a fact about the whole module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportView<'a> {
    /// The name.
    pub name: &'a str,
    /// What users of the name are compiled against.
    pub description: &'a str,
    /// Entry with its value: a global, shared variable or function.
    pub entry: Option<TableId>,
}

impl<'a> CheckedImage<'a> {
    /// Number of images that this one needs.
    pub fn import_count(&self) -> usize {
        self.imports.len()
    }

    /// Number of exports.
    pub fn export_count(&self) -> usize {
        self.exports.len()
    }

    /// The images that this one needs, in the order in which they are loaded.
    ///
    /// # Errors
    ///
    /// There are too many, or a path is none or leads out of the folder.
    pub fn imports(&self) -> Result<Vec<ImportView<'a>>> {
        let place = Place::Section(IMPT);
        below(self.imports.len() as u64, MAX_IMPORTS as usize + 1, place)?;
        let view = |(index, record): (u32, &'a ImportRecord)| {
            let path = self.string(StrId(record.path.get()))?;
            if !is_inside(path) {
                let expected = "the string of a path inside the folder of the main image";
                let place = field(IMPT, index, "path");
                return Err(unexpected(record.path, expected, place));
            }
            Ok(ImportView {
                path,
                interface: &record.interface,
            })
        };
        (0..).zip(self.imports).map(view).collect()
    }

    /// All exports, ascending by name.
    ///
    /// # Errors
    ///
    /// A record refers to what does not exist or cannot be exported; names do not ascend.
    pub fn exports(&self) -> Result<Vec<ExportView<'a>>> {
        let mut views: Vec<ExportView<'a>> = Vec::with_capacity(self.exports.len());
        for index in 0..self.exports.len() as u32 {
            let view = self.export(index)?;
            if views.last().is_some_and(|last| last.name >= view.name) {
                let name = self.exports[index as usize].name;
                let expected = "the string of a name after the one before";
                return Err(unexpected(name, expected, field(EXPT, index, "name")));
            }
            views.push(view);
        }
        Ok(views)
    }

    /// The entry of the export with this name.
    ///
    /// # Errors
    ///
    /// A record that the search met refers to what does not exist or cannot be exported.
    pub fn exported(&self, name: &str) -> Result<Option<TableId>> {
        let (mut start, mut end) = (0, self.exports.len() as u32);
        while start < end {
            let middle = start.midpoint(end);
            let view = self.export(middle)?;
            match view.name.cmp(name) {
                std::cmp::Ordering::Less => start = middle + 1,
                std::cmp::Ordering::Greater => end = middle,
                std::cmp::Ordering::Equal => return Ok(view.entry),
            }
        }
        Ok(None)
    }

    /// Hash of the interface that the image offers.
    ///
    /// # Errors
    ///
    /// As [`CheckedImage::exports`].
    pub fn interface(&self) -> Result<[u8; 32]> {
        let exports = self.exports()?;
        Ok(interface::hash(
            exports.iter().map(|one| (one.name, one.description)),
        ))
    }

    fn export(&self, index: u32) -> Result<ExportView<'a>> {
        let record = &self.exports[index as usize];
        let entry = record.entry.get().checked_sub(1).map(TableId);
        if let Some(id) = entry {
            let place = field(EXPT, index, "entry");
            let func = match self.table_entry(id)? {
                TableEntry::Global { func, .. } | TableEntry::Shared { func, .. } => func,
                TableEntry::Func(func) => Some(func),
                _ => {
                    let expected = "the entry of a global, shared variable or function, plus 1";
                    return Err(unexpected(record.entry, expected, place));
                }
            };
            // As V16: who imports it takes it for a plain value.
            if let Some(func) = func
                && self.func(func)?.captures.len > 0
            {
                let expected = "the entry of a function without captures, plus 1";
                return Err(unexpected(record.entry, expected, place));
            }
        }
        Ok(ExportView {
            name: self.string(StrId(record.name.get()))?,
            description: self.string(StrId(record.description.get()))?,
            entry,
        })
    }

    pub(super) fn shared(&self, start: u32, place: Place) -> Result<TableEntry> {
        let words = check_run(Run { start, len: 2 }, self.lists, place)?;
        below(words[0], self.string_count(), place)?;
        let func = words[1].get().checked_sub(1).map(FuncId);
        if let Some(func) = func {
            below(func.0, self.funcs.len(), place)?;
        }
        Ok(TableEntry::Shared {
            name: StrId(words[0].get()),
            func,
        })
    }

    pub(super) fn import_entry(&self, start: u32, place: Place) -> Result<TableEntry> {
        let words = check_run(Run { start, len: 2 }, self.lists, place)?;
        below(words[0], self.imports.len(), place)?;
        below(words[1], self.string_count(), place)?;
        Ok(TableEntry::Import {
            import: words[0].get(),
            name: StrId(words[1].get()),
        })
    }
}
