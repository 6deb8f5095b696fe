//! Graphs as pictures, drawn in layers: edges go down, but for those that close a circle.
//!
//! The method of Sugiyama, Tagawa and Toda (1981): turn edges so that there is no circle, give
//! each node a layer below those that lead to it, put a bend into each layer that an edge crosses,
//! order the layers so that edges cross little, and move nodes towards their neighbours.

use super::graph::{Edge, Graph, Style};
use super::svg::Svg;

const FONT: f64 = 11.0;
/// Width of a character of the fixed-width font at one pixel of font size.
const CHARACTER: f64 = 0.61;
const LINE: f64 = 14.0;
const PADDING: f64 = 7.0;
/// Space between neighbours of a layer, and between layers.
const BESIDE: f64 = 22.0;
const BELOW: f64 = 46.0;
/// Space that an edge takes in a layer that it crosses.
const BEND: f64 = 8.0;
const MARGIN: f64 = 20.0;
/// Width that parts fill before others stand below them.
const SHELF: f64 = 1400.0;
const HEAD: f64 = 54.0;
/// Rounds of ordering, and of moving.
const ROUNDS: usize = 12;

/// A node, or the bend of an edge in a layer that it crosses.
struct Spot {
    layer: usize,
    width: f64,
    height: f64,
    /// The middle.
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

struct Drawing {
    spots: Vec<Spot>,
    /// The spots of each layer, from left to right.
    layers: Vec<Vec<usize>>,
    /// For each edge its spots from top to bottom, and whether it was turned.
    paths: Vec<(Vec<usize>, bool)>,
    /// Top and height of each layer.
    rows: Vec<(f64, f64)>,
}

/// The graph as SVG: parts that nothing connects stand beside each other.
pub fn draw(graph: &Graph) -> String {
    let mut parts: Vec<(Graph, Drawing)> = components(graph)
        .into_iter()
        .map(|part| {
            let mut drawing = Drawing::new(&part);
            drawing.order();
            drawing.place();
            (part, drawing)
        })
        .collect();
    parts.sort_by(|(_, a), (_, b)| b.size().1.total_cmp(&a.size().1));
    // Shelves: from left to right, then below.
    let sizes = parts.iter().map(|(_, drawing)| drawing.size());
    let area: f64 = sizes.clone().map(|(width, height)| width * height).sum();
    let widest = sizes.map(|(width, _)| width).fold(0.0, f64::max);
    let shelf = widest.max(SHELF).max(area.sqrt() * 1.4);
    let (mut x, mut y, mut row, mut right) = (0.0, 0.0, 0.0f64, 0.0f64);
    let mut places = Vec::with_capacity(parts.len());
    for (_, drawing) in &parts {
        let (width, height) = drawing.size();
        if x > 0.0 && x + width > shelf {
            (x, y, row) = (0.0, y + row + BELOW, 0.0);
        }
        places.push((x, y));
        right = right.max(x + width);
        row = row.max(height);
        x += width + 2.0 * BESIDE;
    }
    let width = right.max(380.0) + 2.0 * MARGIN;
    let mut svg = Svg::new(width, HEAD + y + row + MARGIN);
    svg.put(
        "<defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"3\" \
         orient=\"auto\"><path d=\"M0,0 L7,3 L0,6 z\" fill=\"#555\"/></marker></defs>",
    );
    let (nodes, edges) = (graph.nodes.len(), graph.edges.len());
    let title = format!("{}: {nodes} nodes, {edges} edges", graph.title);
    let style = "font-weight=\"bold\" fill=\"#222\"";
    svg.text(MARGIN, 20.0, 14.0, style, &title);
    legend(graph, &mut svg);
    for ((part, drawing), (x, y)) in parts.iter().zip(places) {
        let (x, y) = (x + MARGIN, y + HEAD);
        svg.put(format_args!("<g transform=\"translate({x:.1},{y:.1})\">"));
        drawing.svg(part, &mut svg);
        svg.put("</g>");
    }
    svg.finish()
}

/// The parts of a graph that no edge connects.
fn components(graph: &Graph) -> Vec<Graph> {
    let mut near: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    for edge in &graph.edges {
        near[edge.from].push(edge.to);
        near[edge.to].push(edge.from);
    }
    // For each node its part, and its index there.
    let mut place: Vec<Option<(usize, usize)>> = vec![None; graph.nodes.len()];
    let mut parts: Vec<Graph> = Vec::new();
    for first in 0..graph.nodes.len() {
        if place[first].is_some() {
            continue;
        }
        let number = parts.len();
        let mut members = vec![first];
        place[first] = Some((number, 0));
        let mut open = vec![first];
        while let Some(node) = open.pop() {
            for other in &near[node] {
                if place[*other].is_none() {
                    place[*other] = Some((number, 0));
                    members.push(*other);
                    open.push(*other);
                }
            }
        }
        members.sort_unstable();
        let mut part = Graph::default();
        for (at, node) in members.into_iter().enumerate() {
            place[node] = Some((number, at));
            part.nodes.push(graph.nodes[node].clone());
        }
        parts.push(part);
    }
    for edge in &graph.edges {
        if let (Some((part, from)), Some((_, to))) = (place[edge.from], place[edge.to]) {
            parts[part].edges.push(Edge { from, to, ..*edge });
        }
    }
    parts
}

/// Edges that lead back to a node on the way to it, found by depth-first search.
fn turned(graph: &Graph, next: &[Vec<usize>]) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; graph.nodes.len()];
    let mut turned = vec![false; graph.edges.len()];
    let roots = (0..graph.nodes.len()).filter(|at| graph.nodes[*at].is_root);
    for root in roots.chain(0..graph.nodes.len()) {
        if state[root] != State::New {
            continue;
        }
        state[root] = State::Open;
        let mut open = vec![(root, 0)];
        while let Some((node, at)) = open.last_mut() {
            let Some(edge) = next[*node].get(*at) else {
                state[*node] = State::Done;
                open.pop();
                continue;
            };
            *at += 1;
            let to = graph.edges[*edge].to;
            match state[to] {
                State::New => {
                    state[to] = State::Open;
                    open.push((to, 0));
                }
                State::Open => turned[*edge] = true,
                State::Done => {}
            }
        }
    }
    turned
}

/// The layer of each node: one below the lowest that leads to it.
fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut waiting = vec![0; count];
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        waiting[*to] += 1;
        below[*from].push(*to);
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for to in &below[node] {
            layer[*to] = layer[*to].max(layer[node] + 1);
            waiting[*to] -= 1;
            if waiting[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    layer
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Option<f64> {
    let count = values.len() as f64;
    (count > 0.0).then(|| values.sum::<f64>() / count)
}

impl Drawing {
    fn new(graph: &Graph) -> Drawing {
        let count = graph.nodes.len();
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (at, edge) in graph
            .edges
            .iter()
            .enumerate()
            .filter(|(_, e)| e.from != e.to)
        {
            next[edge.from].push(at);
        }
        let turned = turned(graph, &next);
        let down = |at: usize| {
            let edge = graph.edges[at];
            if turned[at] {
                (edge.to, edge.from)
            } else {
                (edge.from, edge.to)
            }
        };
        let straight = (0..graph.edges.len()).filter(|at| {
            let edge = graph.edges[*at];
            edge.from != edge.to
        });
        let edges: Vec<(usize, usize)> = straight.clone().map(down).collect();
        let layer = layers(count, &edges);
        let mut spots: Vec<Spot> = Vec::with_capacity(count);
        for (node, layer) in graph.nodes.iter().zip(&layer) {
            let longest = node.lines.iter().map(|line| line.chars().count()).max();
            let width = longest.unwrap_or(0) as f64 * FONT * CHARACTER;
            spots.push(Spot {
                layer: *layer,
                width: width + 2.0 * PADDING,
                height: node.lines.len() as f64 * LINE + 2.0 * PADDING - 2.0,
                x: 0.0,
                above: Vec::new(),
                below: Vec::new(),
            });
        }
        let mut paths = vec![(Vec::new(), false); graph.edges.len()];
        for at in straight {
            let (from, to) = down(at);
            let mut path = vec![from];
            for layer in spots[from].layer + 1..spots[to].layer {
                path.push(spots.len());
                spots.push(Spot {
                    layer,
                    width: BEND,
                    height: 0.0,
                    x: 0.0,
                    above: Vec::new(),
                    below: Vec::new(),
                });
            }
            path.push(to);
            for pair in path.windows(2) {
                spots[pair[0]].below.push(pair[1]);
                spots[pair[1]].above.push(pair[0]);
            }
            paths[at] = (path, turned[at]);
        }
        let depth = spots.iter().map(|spot| spot.layer + 1).max().unwrap_or(0);
        let mut layers = vec![Vec::new(); depth];
        for (at, spot) in spots.iter().enumerate() {
            layers[spot.layer].push(at);
        }
        let rows = Vec::new();
        Drawing {
            spots,
            layers,
            paths,
            rows,
        }
    }

    /// Sorts each layer by where the neighbours stand, down and up in turn.
    fn order(&mut self) {
        let mut rank = vec![0.0; self.spots.len()];
        let renew = |layer: &[usize], rank: &mut Vec<f64>| {
            for (at, spot) in layer.iter().enumerate() {
                rank[*spot] = at as f64;
            }
        };
        for layer in &self.layers {
            renew(layer, &mut rank);
        }
        for round in 0..ROUNDS {
            let down = round % 2 == 0;
            let mut order: Vec<usize> = (0..self.layers.len()).collect();
            if !down {
                order.reverse();
            }
            for at in order {
                let layer = &mut self.layers[at];
                let wish = |spot: &usize| {
                    let spot_of = &self.spots[*spot];
                    let near = if down { &spot_of.above } else { &spot_of.below };
                    mean(near.iter().map(|other| rank[*other])).unwrap_or(rank[*spot])
                };
                let mut keyed: Vec<(f64, usize)> = layer.iter().map(|s| (wish(s), *s)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *layer = keyed.into_iter().map(|(_, spot)| spot).collect();
                renew(layer, &mut rank);
            }
        }
    }

    /// Moves spots towards the middle of their neighbours without changing the order.
    fn place(&mut self) {
        for layer in &self.layers {
            let mut x = 0.0;
            for spot in layer {
                let width = self.spots[*spot].width;
                self.spots[*spot].x = x + width / 2.0;
                x += width + BESIDE;
            }
        }
        for round in 0..2 * ROUNDS {
            for at in 0..self.layers.len() {
                let at = if round % 2 == 0 {
                    at
                } else {
                    self.layers.len() - 1 - at
                };
                let wishes: Vec<f64> = self.layers[at]
                    .iter()
                    .map(|spot| {
                        let spot = &self.spots[*spot];
                        let near = if round % 2 == 0 {
                            &spot.above
                        } else {
                            &spot.below
                        };
                        mean(near.iter().map(|other| self.spots[*other].x)).unwrap_or(spot.x)
                    })
                    .collect();
                self.settle(at, &wishes);
            }
        }
        let left = self.spots.iter().map(|spot| spot.x - spot.width / 2.0);
        let left = left.fold(f64::INFINITY, f64::min);
        self.spots
            .iter_mut()
            .for_each(|spot| spot.x += MARGIN - left);
        let mut y = HEAD;
        for layer in &self.layers {
            let height = layer
                .iter()
                .map(|spot| self.spots[*spot].height)
                .fold(0.0, f64::max);
            self.rows.push((y, height));
            y += height + BELOW;
        }
    }

    /// Puts a layer's spots as near to their wishes as their order allows: those that push each
    /// other move together, to the mean of their wishes.
    fn settle(&mut self, layer: usize, wishes: &[f64]) {
        let spots = &self.layers[layer];
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(spots.len());
        for (at, spot) in spots.iter().enumerate() {
            if at > 0 {
                let before = self.spots[spots[at - 1]].width;
                offset += before / 2.0 + BESIDE + self.spots[*spot].width / 2.0;
            }
            offsets.push(offset);
        }
        // Isotonic regression by pooling adjacent violators.
        let mut pools: Vec<(f64, usize)> = Vec::new();
        for (wish, offset) in wishes.iter().zip(&offsets) {
            let mut pool = (wish - offset, 1);
            while let Some((before, count)) = pools.last().copied().filter(|last| last.0 >= pool.0)
            {
                let total = count + pool.1;
                pool = (
                    (before * count as f64 + pool.0 * pool.1 as f64) / total as f64,
                    total,
                );
                pools.pop();
            }
            pools.push(pool);
        }
        let places = pools
            .into_iter()
            .flat_map(|(x, count)| std::iter::repeat_n(x, count));
        for ((spot, place), offset) in spots.iter().zip(places).zip(offsets) {
            self.spots[*spot].x = place + offset;
        }
    }

    /// Width and height.
    fn size(&self) -> (f64, f64) {
        let right = self.spots.iter().map(|spot| spot.x + spot.width / 2.0);
        let bottom = self.rows.last().map_or(0.0, |(y, height)| y + height);
        // an edge from a node to itself needs room beside it
        let rings = self.paths.iter().any(|(path, _)| path.is_empty());
        (
            right.fold(0.0, f64::max) + if rings { BESIDE } else { 0.0 },
            bottom,
        )
    }

    fn svg(&self, graph: &Graph, svg: &mut Svg) {
        for (edge, (path, turned)) in graph.edges.iter().zip(&self.paths) {
            let line = match edge.from == edge.to {
                true => self.circle(edge.from),
                false => self.curve(path, *turned),
            };
            svg.put(format_args!(
                "<path d=\"{line}\" fill=\"none\" {} marker-end=\"url(#tip)\"/>",
                stroke(edge.style)
            ));
        }
        for (at, node) in graph.nodes.iter().enumerate() {
            let spot = &self.spots[at];
            let (left, top) = (spot.x - spot.width / 2.0, self.top(at));
            let style = match node.is_root {
                true => "rx=\"4\" fill=\"#fff2cc\" stroke=\"#7f6000\" stroke-width=\"1.5\"",
                false => "rx=\"4\" fill=\"#eaf1f8\" stroke=\"#4a6785\"",
            };
            svg.rect([left, top, spot.width, spot.height], style, "");
            for (row, line) in node.lines.iter().enumerate() {
                let y = top + PADDING + LINE * (row as f64 + 1.0) - 4.0;
                let style = match row {
                    0 => "font-family=\"DejaVu Sans Mono, monospace\" font-weight=\"bold\"",
                    _ => "font-family=\"DejaVu Sans Mono, monospace\" fill=\"#333\"",
                };
                let style = format!("xml:space=\"preserve\" {style}");
                svg.text(left + PADDING, y, FONT, &style, line);
            }
        }
    }

    /// Nodes stand in the middle of their rows.
    fn top(&self, spot: usize) -> f64 {
        let (y, height) = self.rows[self.spots[spot].layer];
        y + (height - self.spots[spot].height) / 2.0
    }

    fn bottom(&self, spot: usize) -> f64 {
        self.top(spot) + self.spots[spot].height
    }

    /// A curve through the spots of an edge, ending at its node.
    fn curve(&self, path: &[usize], turned: bool) -> String {
        let mut points = Vec::new();
        for (at, spot) in path.iter().enumerate() {
            let x = self.spots[*spot].x;
            let (row, height) = self.rows[self.spots[*spot].layer];
            match at {
                0 => points.push((x, self.bottom(*spot))),
                at if at == path.len() - 1 => points.push((x, self.top(*spot))),
                // straight beside the nodes of the row
                _ => points.extend([(x, row), (x, row + height)]),
            }
        }
        if turned {
            points.reverse();
        }
        let Some((first, rest)) = points.split_first() else {
            return String::new();
        };
        let mut out = format!("M{:.1},{:.1}", first.0, first.1);
        let mut last = *first;
        for point in rest {
            let middle = (last.1 + point.1) / 2.0;
            out += &format!(
                " C{:.1},{middle:.1} {:.1},{middle:.1} {:.1},{:.1}",
                last.0, point.0, point.0, point.1
            );
            last = *point;
        }
        out
    }

    /// From a node to itself, at its right side.
    fn circle(&self, spot: usize) -> String {
        let x = self.spots[spot].x + self.spots[spot].width / 2.0;
        let y = (self.top(spot) + self.bottom(spot)) / 2.0;
        format!(
            "M{x:.1},{:.1} C{:.1},{:.1} {:.1},{:.1} {x:.1},{:.1}",
            y - 6.0,
            x + 22.0,
            y - 14.0,
            x + 22.0,
            y + 14.0,
            y + 6.0
        )
    }
}

fn stroke(style: Style) -> &'static str {
    match style {
        Style::Solid => "stroke=\"#555\" stroke-width=\"1.2\"",
        Style::Dashed => "stroke=\"#0072b2\" stroke-width=\"1.2\" stroke-dasharray=\"6 3\"",
        Style::Dotted => "stroke=\"#d55e00\" stroke-width=\"1.2\" stroke-dasharray=\"2 3\"",
    }
}

fn legend(graph: &Graph, svg: &mut Svg) {
    let mut x = MARGIN;
    for (style, text) in Style::ALL.into_iter().zip(graph.legend) {
        if !graph.edges.iter().any(|edge| edge.style == style) {
            continue;
        }
        svg.put(format_args!(
            "<path d=\"M{x:.1},36 h30\" fill=\"none\" {}/>",
            stroke(style)
        ));
        svg.text(x + 35.0, 40.0, FONT, "fill=\"#333\"", text);
        x += 50.0 + text.len() as f64 * FONT * CHARACTER;
    }
}
