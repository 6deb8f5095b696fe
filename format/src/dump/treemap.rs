//! Sizes as a picture: areas are bytes, functions stand together by module.
//!
//! Squarified treemaps after Bruls, Huizing and van Wijk (2000): rows are filled as long as that
//! makes their worst aspect ratio better.

use std::collections::BTreeMap;

use super::size::{Sizes, grouped};
use super::svg::Svg;

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 800.0;
/// Height of the line above a group, and of the picture's title.
const HEAD: f64 = 18.0;
const TITLE: f64 = 30.0;
/// Width of a character at one pixel of font size.
const CHARACTER: f64 = 0.63;
/// Smallest area that has a rectangle of its own, in square pixels; what is smaller shares one.
const SMALLEST: f64 = 60.0;

/// Grounds of groups; two adjacent ones differ.
const COLOURS: [&str; 8] = [
    "#8dbdd8", "#f4b183", "#a9d18e", "#d5a6d8", "#ffd966", "#9dc3c1", "#e6a1a1", "#b4b7e0",
];

struct Leaf {
    name: String,
    bytes: f64,
}

struct Group {
    name: String,
    leaves: Vec<Leaf>,
}

impl Group {
    fn bytes(&self) -> f64 {
        self.leaves.iter().map(|leaf| leaf.bytes).sum()
    }
}

/// The treemap of an image's sizes as SVG.
pub fn treemap(sizes: &Sizes, title: &str) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let head = format!("{title}: {} bytes", grouped(sizes.total));
    svg.text(8.0, 21.0, 16.0, "font-weight=\"bold\" fill=\"#222\"", &head);
    let mut groups = groups(sizes);
    groups.retain(|group| group.bytes() > 0.0);
    groups.sort_by(|a, b| b.bytes().total_cmp(&a.bytes()));
    let weights: Vec<f64> = groups.iter().map(Group::bytes).collect();
    let area = [0.0, TITLE, WIDTH, HEIGHT - TITLE];
    for (at, (group, place)) in groups.iter().zip(squarify(&weights, area)).enumerate() {
        draw_group(
            group,
            place,
            COLOURS[at % COLOURS.len()],
            sizes.total,
            &mut svg,
        );
    }
    svg.finish()
}

/// Functions by module, strings, sources, and each other section alone.
fn groups(sizes: &Sizes) -> Vec<Group> {
    let mut modules: BTreeMap<&str, Vec<Leaf>> = BTreeMap::new();
    for func in &sizes.functions {
        let name = match func.name.as_str() {
            "" => format!("{} (anonymous):{}", func.id, func.line),
            name => name.to_owned(),
        };
        let bytes = func.bytes as f64;
        modules
            .entry(&func.module)
            .or_default()
            .push(Leaf { name, bytes });
    }
    let group = |(name, leaves): (&str, Vec<Leaf>)| Group {
        name: format!("functions of {name}"),
        leaves,
    };
    let mut groups: Vec<Group> = modules.into_iter().map(group).collect();
    let leaf = |text: String, bytes: u64| Leaf {
        name: text,
        bytes: bytes as f64,
    };
    let strings = sizes.strings.iter();
    groups.push(Group {
        name: "strings".into(),
        leaves: strings
            .map(|one| leaf(format!("\"{}\"", one.text), one.bytes))
            .collect(),
    });
    let sources = sizes.sources.iter();
    groups.push(Group {
        name: "sources".into(),
        leaves: sources
            .map(|one| leaf(one.name.clone(), one.bytes))
            .collect(),
    });
    // These sections are taken apart above.
    const APART: [&str; 10] = [
        "CODE", "FUNC", "XTRA", "PARM", "CAPT", "EXCP", "LINE", "VARS", "STRS", "SRCS",
    ];
    let others = sizes.sections.iter();
    let others = others.filter(|part| !APART.contains(&part.name.as_str()));
    groups.push(Group {
        name: "tables".into(),
        leaves: others
            .map(|part| leaf(part.name.clone(), part.bytes))
            .collect(),
    });
    groups
}

fn draw_group(group: &Group, place: [f64; 4], colour: &str, total: u64, svg: &mut Svg) {
    let bytes = group.bytes();
    let percent = bytes * 100.0 / total.max(1) as f64;
    let title = format!(
        "{}: {} bytes, {percent:.1} %",
        group.name,
        grouped(bytes as u64)
    );
    let [x, y, width, height] = place;
    let inner = [
        x + 1.0,
        y + 1.0,
        (width - 2.0).max(0.0),
        (height - 2.0).max(0.0),
    ];
    svg.rect(inner, "fill=\"#444\"", &title);
    let head = if height > 2.0 * HEAD { HEAD } else { 0.0 };
    if head > 0.0 {
        let label = fitting(&title, width - 10.0, 12.0);
        svg.text(x + 6.0, y + 14.0, 12.0, "fill=\"white\"", &label);
    }
    let area = [
        x + 2.0,
        y + 1.0 + head,
        (width - 4.0).max(0.0),
        (height - 3.0 - head).max(0.0),
    ];
    let scale = area[2] * area[3] / bytes;
    let mut leaves: Vec<&Leaf> = group
        .leaves
        .iter()
        .filter(|leaf| leaf.bytes > 0.0)
        .collect();
    leaves.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    let shown = leaves
        .iter()
        .take_while(|leaf| leaf.bytes * scale >= SMALLEST)
        .count();
    // A rectangle of its own for all that are small, unless it is only one.
    let shown = if leaves.len() - shown == 1 {
        leaves.len()
    } else {
        shown
    };
    let rest: f64 = leaves[shown..].iter().map(|leaf| leaf.bytes).sum();
    let mut weights: Vec<f64> = leaves[..shown].iter().map(|leaf| leaf.bytes).collect();
    let mut names: Vec<String> = leaves[..shown]
        .iter()
        .map(|leaf| leaf.name.clone())
        .collect();
    if rest > 0.0 {
        weights.push(rest);
        names.push(format!("{} more", leaves.len() - shown));
    }
    for ((name, bytes), place) in names.iter().zip(&weights).zip(squarify(&weights, area)) {
        draw_leaf(name, *bytes, place, colour, svg);
    }
}

fn draw_leaf(name: &str, bytes: f64, [x, y, width, height]: [f64; 4], colour: &str, svg: &mut Svg) {
    let size = grouped(bytes as u64);
    let style = format!("fill=\"{colour}\" stroke=\"#444\" stroke-width=\"0.5\"");
    svg.rect(
        [x, y, width, height],
        &style,
        &format!("{name}: {size} bytes"),
    );
    let least = 5.min(name.chars().count());
    let labels = [11.0, 9.0].map(|font| (font, fitting(name, width - 5.0, font)));
    let fits = |(font, label): &&(f64, String)| {
        height > font + 3.0 && (label == name || *font < 10.0 && label.chars().count() >= least)
    };
    // A name that must be cut is cut less in the smaller font.
    let Some((font, label)) = labels.iter().find(fits) else {
        return;
    };
    let font = *font;
    svg.text(x + 3.0, y + font + 1.0, font, "fill=\"#111\"", label);
    if height > 28.0 && size.len() as f64 * font * CHARACTER < width - 6.0 {
        svg.text(x + 3.0, y + 2.0 * font + 3.0, font, "fill=\"#555\"", &size);
    }
}

/// As much of a text as fits a width.
fn fitting(text: &str, width: f64, font: f64) -> String {
    let room = (width / (font * CHARACTER)).max(0.0) as usize;
    match text.chars().count() > room {
        false => text.into(),
        true if room < 2 => String::new(),
        true => text.chars().take(room - 1).chain(['…']).collect(),
    }
}

/// Rectangles (x, y, width, height) whose areas are as the weights, which must fall.
fn squarify(weights: &[f64], [mut x, mut y, mut width, mut height]: [f64; 4]) -> Vec<[f64; 4]> {
    let total: f64 = weights.iter().sum();
    let scale = width * height / total.max(f64::MIN_POSITIVE);
    let mut places = Vec::with_capacity(weights.len());
    let mut rest = weights;
    while !rest.is_empty() {
        let side = width.min(height).max(f64::MIN_POSITIVE);
        let mut sum = rest[0] * scale;
        let mut count = 1;
        let worst = |sum: f64, least: f64, most: f64| {
            let square = side * side;
            (square * most / (sum * sum)).max(sum * sum / (square * least))
        };
        while let Some(next) = rest.get(count) {
            let next = next * scale;
            let (most, least) = (rest[0] * scale, rest[count - 1] * scale);
            if worst(sum + next, next, most) > worst(sum, least, most) {
                break;
            }
            sum += next;
            count += 1;
        }
        let thickness = sum / side;
        let mut offset = 0.0;
        for weight in &rest[..count] {
            let length = weight * scale / thickness.max(f64::MIN_POSITIVE);
            places.push(match width >= height {
                true => [x, y + offset, thickness, length],
                false => [x + offset, y, length, thickness],
            });
            offset += length;
        }
        match width >= height {
            true => (x, width) = (x + thickness, (width - thickness).max(0.0)),
            false => (y, height) = (y + thickness, (height - thickness).max(0.0)),
        }
        rest = &rest[count..];
    }
    places
}

#[cfg(test)]
mod tests {
    use super::squarify;

    #[test]
    fn areas_are_as_the_weights_and_nothing_overlaps() {
        let weights: Vec<f64> = (1..60).rev().map(|n| f64::from(n * n)).collect();
        let places = squarify(&weights, [10.0, 20.0, 300.0, 200.0]);
        let total: f64 = weights.iter().sum();
        for (weight, [x, y, width, height]) in weights.iter().zip(&places) {
            assert!((width * height - weight * 60_000.0 / total).abs() < 1e-6);
            assert!(*x >= 9.999 && *y >= 19.999);
            assert!(x + width < 310.001 && y + height < 220.001);
        }
        for (at, a) in places.iter().enumerate() {
            for b in &places[at + 1..] {
                let apart =
                    |i: usize| a[i] + a[i + 2] <= b[i] + 1e-6 || b[i] + b[i + 2] <= a[i] + 1e-6;
                assert!(apart(0) || apart(1), "{a:?} {b:?}");
            }
        }
        // the paper's example: 6 6 4 3 2 2 1 in 6 by 4
        let places = squarify(&[6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0], [0.0, 0.0, 6.0, 4.0]);
        assert_eq!(places[0], [0.0, 0.0, 3.0, 2.0]);
        assert_eq!(places[1], [0.0, 2.0, 3.0, 2.0]);
    }
}
