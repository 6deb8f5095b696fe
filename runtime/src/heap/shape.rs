//! Shapes: which field of an instance lies in which slot.

use super::object::{Class, FIRST_SHAPE, ShapeId};
use crate::symbol::Symbol;

/// The fields of instances that got them in one order.
pub struct Shape {
    /// The class.
    pub class: *mut Class,
    /// Field names in slot order.
    pub fields: Vec<Symbol>,
    /// Field slots inside the object; later fields lie in `Instance::more`.
    pub inline: u32,
    /// Shapes reached by adding one field.
    next: Vec<(Symbol, ShapeId)>,
}

/// All shapes of a machine. Shapes are never removed: there are as many as distinct orders in
/// which the program's classes get their fields.
#[derive(Default)]
pub struct Shapes {
    shapes: Vec<Shape>,
}

/// Most field slots inside an object: the largest small cell.
pub const MAX_INLINE: usize = 62;

/// Most fields an instance may have.
pub const MAX_FIELDS: usize = 4096;

impl Shapes {
    /// A shape without fields, for instances with room for at least `fields`.
    pub fn root(&mut self, class: *mut Class, fields: usize) -> ShapeId {
        // An even number: the object fills its cell of a multiple of 16 bytes.
        let inline = fields.next_multiple_of(2).min(MAX_INLINE) as u32;
        self.push(class, Vec::new(), inline)
    }

    fn push(&mut self, class: *mut Class, fields: Vec<Symbol>, inline: u32) -> ShapeId {
        self.shapes.push(Shape {
            class,
            fields,
            inline,
            next: Vec::new(),
        });
        FIRST_SHAPE + self.shapes.len() as u32 - 1
    }

    /// The shape.
    #[inline(always)]
    pub fn get(&self, id: ShapeId) -> &Shape {
        &self.shapes[(id - FIRST_SHAPE) as usize]
    }

    /// Slot of a field.
    pub fn slot(&self, id: ShapeId, name: Symbol) -> Option<usize> {
        self.get(id).fields.iter().position(|&f| f == name)
    }

    /// The shape with one field more; `None` past [`MAX_FIELDS`].
    pub fn with_field(&mut self, id: ShapeId, name: Symbol) -> Option<ShapeId> {
        let shape = self.get(id);
        if let Some(&(_, next)) = shape.next.iter().find(|n| n.0 == name) {
            return Some(next);
        }
        if shape.fields.len() >= MAX_FIELDS {
            return None;
        }
        let mut fields = shape.fields.clone();
        fields.push(name);
        let (class, inline) = (shape.class, shape.inline);
        let next = self.push(class, fields, inline);
        self.shapes[(id - FIRST_SHAPE) as usize]
            .next
            .push((name, next));
        Some(next)
    }

    /// All classes that have a shape.
    pub fn classes(&self) -> impl std::iter::Iterator<Item = *mut Class> + '_ {
        self.shapes.iter().map(|s| s.class)
    }
}
