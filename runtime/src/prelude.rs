//! The part of the library that is written in Gene: methods that call functions.
//!
//! `prelude.gir` is compiled from `prelude.gene` and committed; a test checks that it is what
//! the compiler makes of the source. A function named `Array.map` is the method `map` of `Array`;
//! one without a dot is a global function.
#![allow(unsafe_code)]

use crate::mapping::Mapping;
use crate::program::Image;
use crate::symbol::NameMap;
use crate::value::Value;
use crate::vm::Vm;
use gene_format::program::FuncId;

/// Bytes at an address that is a multiple of 8.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

static IMAGE: &Aligned<[u8]> = &Aligned(*include_bytes!("../prelude.gir"));

/// Functions of the prelude by name.
pub struct Prelude {
    pub image: *mut Image,
    names: NameMap<&'static str, FuncId>,
}

impl Vm {
    /// The function of this name in the prelude.
    pub fn prelude_function(&mut self, name: &str) -> Option<Value> {
        if self.prelude.is_none() {
            self.prelude = Some(self.load_prelude()?);
        }
        let prelude = self.prelude.as_ref()?;
        let (image, id) = (prelude.image, *prelude.names.get(name)?);
        // SAFETY: images are never freed
        let proto = unsafe { (*image).proto(self, id).ok()? };
        Some(self.closure(proto, &[]))
    }

    fn load_prelude(&mut self) -> Option<Prelude> {
        let bytes = Mapping::of_static(&IMAGE.0);
        let image = Image::load("prelude", bytes).ok()?;
        let mut names = NameMap::default();
        for i in 0..image.view.func_count() {
            let id = FuncId(i as u32);
            let Ok(f) = image.view.func(id) else {
                continue;
            };
            if let Ok(name) = image.view.string(f.name)
                && !name.is_empty()
            {
                names.insert(name, id);
            }
        }
        // Before the program's image, which stays the last.
        let image = Box::into_raw(image);
        self.images.insert(0, image);
        Some(Prelude { image, names })
    }
}
