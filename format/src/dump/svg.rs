//! Elements of a picture.

use std::fmt::{Display, Write};

/// An SVG picture in the making, with a white ground.
pub struct Svg {
    out: String,
}

/// Text that is safe inside SVG.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

impl Svg {
    /// A picture of this size, in pixels.
    pub fn new(width: f64, height: f64) -> Svg {
        let mut svg = Svg { out: String::new() };
        svg.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"DejaVu Sans, Helvetica, \
             Arial, sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
        ));
        svg
    }

    /// An element, verbatim.
    pub fn put(&mut self, element: impl Display) {
        // writing to a string cannot fail
        let _ = writeln!(self.out, "{element}");
    }

    /// A rectangle with a text that shows when one points at it.
    pub fn rect(&mut self, [x, y, width, height]: [f64; 4], style: &str, title: &str) {
        let title = match title {
            "" => String::new(),
            title => format!("<title>{}</title>", escaped(title)),
        };
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             {style}>{title}</rect>"
        ));
    }

    /// A line of text; `style` has the other attributes.
    pub fn text(&mut self, x: f64, y: f64, size: f64, style: &str, text: &str) {
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" {style}>{}</text>",
            escaped(text)
        ));
    }

    /// The whole picture.
    pub fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}
