//! Drawing figures as SVG with plotters. One file serves light and dark: plotters writes colours as
//! attributes, and a style sheet in the file replaces each of them when the reader's system is dark.

use std::{collections::BTreeSet, fmt::Write as _};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    axis::Coordinate,
    escape::escape,
    figure::{Figure, Kind, Series},
};
use crate::number::Number;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
/// Position in units from the top left corner.
type Place = (f64, f64);

/// Width of a figure in its own units; a phone shows it at about three quarters, so text is a little large.
const WIDTH: f64 = 480.0;
/// Height of the plot without its labels.
const HEIGHT: f64 = 250.0;
/// plotters places things on whole numbers; this many of them make one unit.
const FINE: f64 = 10.0;
/// Font sizes, in units.
const TITLE: f64 = 17.0;
const TEXT: f64 = 14.0;
/// Distances between lines of text, in units.
const TITLE_LINE: f64 = 22.0;
const TEXT_LINE: f64 = 21.0;
/// Distance of what is drawn from the edge, in units.
const EDGE: f64 = 10.0;
/// Right end of the plot, in units.
const RIGHT: f64 = WIDTH - 2.0 * EDGE;
/// Width of a legend's sample, in units.
const SAMPLE: f64 = 26.0;

/// A colour on light and on dark ground.
struct Ink {
    light: RGBColor,
    dark: &'static str,
}

const GROUND: Ink = Ink { light: RGBColor(0xff, 0xff, 0xff), dark: "#161b22" };
const TEXT_INK: Ink = Ink { light: RGBColor(0x1f, 0x23, 0x28), dark: "#e6edf3" };
const GRID: Ink = Ink { light: RGBColor(0xdd, 0xe1, 0xe6), dark: "#343b45" };
/// Okabe and Ito's colours, which people with any colour vision tell apart; lightened on dark ground.
const PALETTE: [Ink; 8] = [
    Ink { light: RGBColor(0x00, 0x72, 0xb2), dark: "#4aa8e8" },
    Ink { light: RGBColor(0xd5, 0x5e, 0x00), dark: "#ff8a3c" },
    Ink { light: RGBColor(0x00, 0x9e, 0x73), dark: "#2cc99b" },
    Ink { light: RGBColor(0xcc, 0x79, 0xa7), dark: "#ea9cc9" },
    Ink { light: RGBColor(0xe6, 0x9f, 0x00), dark: "#ffc83d" },
    Ink { light: RGBColor(0x56, 0xb4, 0xe9), dark: "#a5dcff" },
    Ink { light: RGBColor(0x6e, 0x77, 0x81), dark: "#9da7b3" },
    Ink { light: RGBColor(0x00, 0x00, 0x00), dark: "#ffffff" },
];

/// The figure as a complete SVG file.
pub(super) fn svg(figure: &Figure) -> String {
    drawing(figure, "").replacen('>', &format!(">\n<style>{}</style>", style_sheet()), 1)
}

/// The figure as a part of a page that has [`style_sheet`], under this id.
pub(super) fn inline(figure: &Figure, id: &str) -> String {
    drawing(figure, &format!("id=\"{id}\" "))
}

/// Size of a figure in the units of its drawing, and its plot within it without labels: left, top, width, height.
pub(super) fn sizes(figure: &Figure) -> ([f64; 2], [f64; 4]) {
    let layout = Layout::new(figure);
    let plot = [layout.left, layout.top, RIGHT - layout.left, HEIGHT];
    ([WIDTH * FINE, layout.height * FINE], plot.map(|x| x * FINE))
}

fn drawing(figure: &Figure, id: &str) -> String {
    let layout = Layout::new(figure);
    let mut text = String::new();
    draw(figure, &layout, &mut text).expect("writing to a string can't fail");
    let size = format!("width=\"{}\" height=\"{}\"", WIDTH * FINE, layout.height * FINE);
    let (name, height) = (escape(&figure.title), layout.height);
    let attributes = format!(
        "{id}class=\"kiln-plot\" role=\"img\" aria-label=\"{name}\" width=\"{WIDTH}\" height=\"{height}\""
    );
    let text = text.replacen(&size, &attributes, 1);
    // What plotters writes and the defaults or the style sheet say as well.
    let text = [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\"", " font-family=\"sans-serif\""]
        .into_iter()
        .fold(text, |text, attribute| text.replace(attribute, ""));
    let dashed = format!("stroke-width=\"{}\"", (DASHED * FINE) as u32);
    let text = text.replace("<polyline fill=\"none\"", "<polyline").replace(" \"/>", "\"/>").replace(
        &dashed,
        &format!("stroke-width=\"{}\" stroke-dasharray=\"{} {}\"", 2.0 * FINE, 7.0 * FINE, 5.0 * FINE),
    );
    let end = text.rfind("</svg>").unwrap_or(text.len());
    format!("{}{}{}", &text[..end], values(figure, &layout), &text[end..])
}

/// Width of the lines that are drawn whole and become dashed, which no other line has.
const DASHED: f64 = 2.1;

/// At most so many points of a series say their values.
const TOLD: usize = 20;

/// What says the values when the reader points at them.
fn values(figure: &Figure, layout: &Layout) -> String {
    let name =
        |series: &Series| if series.name.is_empty() { String::new() } else { format!("{}: ", series.name) };
    let mut marks = String::new();
    let bars: Vec<_> = figure.series.iter().filter(|series| series.kind == Kind::Bars).collect();
    for series in figure.series.iter().filter(|series| !matches!(series.kind, Kind::Band | Kind::Cells)) {
        let shown: Vec<_> = series.points.iter().filter(|point| layout.shows(**point)).collect();
        let every = shown.len().div_ceil(TOLD).max(1);
        let offset = bars
            .iter()
            .position(|other| std::ptr::eq(*other, series))
            .map_or(0.0, |rank| bar_group(figure) * ((rank as f64 + 0.5) / bars.len() as f64 - 0.5));
        for point in shown.into_iter().step_by(every) {
            let (x, y) = pixel(layout.place((point.0 + offset, point.1)));
            let category = figure.x.categories.get(point.0 as usize).filter(|_| point.0 >= 0.0).cloned();
            let at = category.unwrap_or_else(|| Number(point.0).to_string());
            let title = escape(&format!("{}{at}, {}", name(series), Number(point.1)));
            let _ = write!(marks, "<circle cx=\"{x}\" cy=\"{y}\" r=\"60\"><title>{title}</title></circle>");
        }
    }
    if marks.is_empty() { marks } else { format!("<g class=\"values\">{marks}</g>\n") }
}

/// The rules that replace the light colours on dark ground.
pub(super) fn style_sheet() -> String {
    let rules: String = [&GROUND, &TEXT_INK, &GRID].into_iter().chain(&PALETTE).fold(String::new(), |rules, ink| {
        let RGBColor(r, g, b) = ink.light;
        let (light, dark) = (format!("#{r:02X}{g:02X}{b:02X}"), ink.dark);
        rules + &format!(".kiln-plot [fill=\"{light}\"]{{fill:{dark}}}.kiln-plot [stroke=\"{light}\"]{{stroke:{dark}}}")
    });
    format!(
        ".kiln-plot text{{font-family:system-ui,sans-serif}}.kiln-plot polyline{{fill:none}}\
         .kiln-plot .values{{fill:none;pointer-events:all}}@media(prefers-color-scheme:dark){{{rules}}}"
    )
}

/// Where things are.
struct Layout<'a> {
    title: Vec<String>,
    /// Rows of series with the left end of each entry.
    legend: Vec<Vec<(f64, &'a Series)>>,
    x: Coordinate,
    y: Coordinate,
    /// Whether the names below the plot stand upright, for want of width.
    upright: bool,
    left: f64,
    top: f64,
    height: f64,
}

impl<'a> Layout<'a> {
    fn new(figure: &'a Figure) -> Self {
        let values = |of: fn(&Series) -> Vec<f64>| figure.series.iter().flat_map(of);
        let (group, bars) = (bar_group(figure), figure.series.iter().any(|series| series.kind == Kind::Bars));
        let bar_ends = figure.series.iter().filter(|series| series.kind == Kind::Bars).flat_map(|series| {
            series.points.iter().flat_map(move |&(x, _)| [x - 0.6 * group, x + 0.6 * group])
        });
        let cell_ends = |of: fn(&(f64, f64)) -> f64| {
            figure.series.iter().filter(|series| series.kind == Kind::Cells).flat_map(move |series| {
                series.points.iter().flat_map(move |point| [of(point) - 0.5, of(point) + 0.5])
            })
        };
        let x = Coordinate::new(
            &figure.x,
            values(|series| series.points.iter().map(|point| point.0).collect())
                .chain(bar_ends)
                .chain(cell_ends(|point| point.0)),
            false,
        );
        let y = Coordinate::new(
            &figure.y,
            values(|series| {
                let upper = series.upper.iter().filter(|_| series.kind == Kind::Band);
                series.points.iter().map(|point| point.1).chain(upper.map(|u| u.0)).collect()
            })
            .chain(cell_ends(|point| point.1)),
            bars,
        );
        let title = wrap(&figure.title);
        let legend = legend_rows(&figure.series);
        let widest = |coordinate: &Coordinate| {
            coordinate.ticks().iter().map(|(_, label)| text_width(label, TEXT)).fold(0.0, f64::max)
        };
        let left = EDGE + TEXT + 8.0 + widest(&y) + 8.0;
        let slot = (RIGHT - left) / x.ticks().len().max(1) as f64;
        let upright = x.is_named() && widest(&x) > slot - 4.0;
        let tick_height = if upright { widest(&x) + 4.0 } else { TEXT_LINE };
        let top = EDGE + title.len() as f64 * TITLE_LINE + legend.len() as f64 * TEXT_LINE + 8.0;
        let height = (top + HEIGHT + 6.0 + tick_height + TEXT_LINE + EDGE).ceil();
        Self { title, legend, x, y, upright, left, top, height }
    }

    fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }

    fn place(&self, (x, y): (f64, f64)) -> Place {
        let across = self.x.position(x) * (RIGHT - self.left);
        (self.left + across, self.bottom() - self.y.position(y) * HEIGHT)
    }

    fn shows(&self, (x, y): (f64, f64)) -> bool {
        self.x.shows(x) && self.y.shows(y)
    }
}

fn draw(figure: &Figure, layout: &Layout, text: &mut String) -> Drawn {
    let size = ((WIDTH * FINE) as u32, (layout.height * FINE) as u32);
    let root = SVGBackend::with_string(text, size).into_drawing_area();
    root.fill(&GROUND.light)?;
    for (row, line) in layout.title.iter().enumerate() {
        let place = (EDGE, EDGE + (row as f64 + 0.5) * TITLE_LINE);
        let style =
            ("sans-serif", TITLE * FINE * FONT).into_font().style(FontStyle::Bold).color(&TEXT_INK.light);
        root.draw(&Text::new(line.clone(), pixel(place), style.pos(Pos::new(HPos::Left, VPos::Center))))?;
    }
    let legend_top = EDGE + layout.title.len() as f64 * TITLE_LINE;
    for (row, entries) in layout.legend.iter().enumerate() {
        let middle = legend_top + (row as f64 + 0.5) * TEXT_LINE;
        for (left, series) in entries {
            let as_points = series.kind == Kind::Bars && layout.y.is_log();
            let kind = if as_points { Kind::Points } else { series.kind };
            draw_sample(&root, series, kind, (*left, middle))?;
            write(&root, &series.name, (left + SAMPLE + 6.0, middle), HPos::Left, FontTransform::None)?;
        }
    }
    draw_axes(&root, figure, layout)?;
    let bars: Vec<_> = figure.series.iter().filter(|series| series.kind == Kind::Bars).collect();
    let group = bar_group(figure);
    for series in &figure.series {
        if let Some(rank) = bars.iter().position(|other| std::ptr::eq(*other, series)) {
            let width = group / bars.len() as f64;
            draw_bars(&root, layout, series, -group / 2.0 + rank as f64 * width, width)?;
        } else {
            draw_series(&root, layout, series)?;
        }
    }
    root.present()
}

fn draw_axes(root: &Area, figure: &Figure, layout: &Layout) -> Drawn {
    let (left, right, top, bottom) = (layout.left, RIGHT, layout.top, layout.bottom());
    let grid = stroke(&GRID, 1.0);
    for (tick, label) in layout.y.ticks() {
        let y = bottom - layout.y.position(tick) * HEIGHT;
        root.draw(&path([(left, y), (right, y)], grid))?;
        write(root, &label, (left - 8.0, y), HPos::Right, FontTransform::None)?;
    }
    for (tick, label) in layout.x.ticks() {
        let x = left + layout.x.position(tick) * (right - left);
        if !layout.x.is_named() {
            root.draw(&path([(x, top), (x, bottom)], grid))?;
        }
        if layout.upright {
            write(root, &label, (x, bottom + 8.0), HPos::Right, FontTransform::Rotate270)?;
        } else {
            write(root, &label, (x, bottom + 6.0 + TEXT_LINE / 2.0), HPos::Center, FontTransform::None)?;
        }
    }
    root.draw(&path([(left, top), (left, bottom), (right, bottom)], stroke(&TEXT_INK, 1.0)))?;
    let below = (f64::midpoint(left, right), layout.height - EDGE - TEXT_LINE / 2.0);
    write(root, &figure.x.label, below, HPos::Center, FontTransform::None)?;
    let beside = (EDGE + TEXT / 2.0, f64::midpoint(top, bottom));
    write(root, &figure.y.label, beside, HPos::Center, FontTransform::Rotate270)
}

fn draw_bars(root: &Area, layout: &Layout, series: &Series, offset: f64, width: f64) -> Drawn {
    for &(x, y) in series.points.iter().filter(|point| layout.shows(**point)) {
        // A logarithm has no zero for a bar to stand on.
        if layout.y.is_log() {
            draw_marker(root, series, layout.place((x + offset + width / 2.0, y)))?;
            continue;
        }
        let corners = [(x + offset, layout.y.base()), (x + offset + width, y)];
        let style = ink(series).light.filled();
        root.draw(&Rectangle::new(corners.map(|corner| pixel(layout.place(corner))), style))?;
    }
    Ok(())
}

fn draw_series(root: &Area, layout: &Layout, series: &Series) -> Drawn {
    let ink = ink(series);
    if series.kind == Kind::Band {
        let edges = series.points.iter().zip(&series.upper).map(|(&(x, low), high)| ((x, low), (x, high.0)));
        let shown: Vec<_> = edges.filter(|(low, high)| layout.shows(*low) && layout.shows(*high)).collect();
        let around = shown.iter().map(|edge| edge.0).chain(shown.iter().rev().map(|edge| edge.1));
        let corners: Vec<_> = around.map(|point| pixel(layout.place(point))).collect();
        return root.draw(&Polygon::new(corners, ink.light.mix(0.25).filled()));
    }
    if series.kind == Kind::Cells {
        return draw_cells(root, layout, series);
    }
    // A point that can't be shown ends one piece of the line; the next one starts after it.
    for piece in series.points.split(|point| !layout.shows(*point)) {
        let mut places: Vec<_> = piece.iter().map(|point| layout.place(*point)).collect();
        thin(&mut places, series.kind);
        match series.kind {
            Kind::Line | Kind::LinePoints => root.draw(&path(places.iter().copied(), stroke(ink, 2.0)))?,
            Kind::Dashed => draw_dashes(root, &places, ink)?,
            _ => {}
        }
        if matches!(series.kind, Kind::Points | Kind::LinePoints) {
            for place in places {
                draw_marker(root, series, place)?;
            }
        }
    }
    Ok(())
}

/// Leaves out what nobody could see: points of a line that are next to the one before, markers upon markers.
fn thin(places: &mut Vec<Place>, kind: Kind) {
    const NEAR: f64 = 0.5;
    if kind == Kind::Points {
        let mut taken = BTreeSet::new();
        places.retain(|place| taken.insert(((place.0 / NEAR) as i64, (place.1 / NEAR) as i64)));
    } else if let Some(last) = places.last().copied() {
        let mut before = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        places.retain(|place| {
            let apart = (place.0 - before.0).abs().max((place.1 - before.1).abs()) >= NEAR || *place == last;
            if apart {
                before = *place;
            }
            apart
        });
    }
}

fn draw_cells(root: &Area, layout: &Layout, series: &Series) -> Drawn {
    let finite = series.upper.iter().map(|value| value.0.abs()).filter(|value| value.is_finite());
    let most = finite.fold(f64::MIN_POSITIVE, f64::max);
    for (&(x, y), value) in series.points.iter().zip(&series.upper).filter(|(_, value)| value.0.is_finite()) {
        let ink = if value.0 < 0.0 { &PALETTE[(series.colour + 1) % PALETTE.len()] } else { ink(series) };
        let corners = [(x - 0.5, y + 0.5), (x + 0.5, y - 0.5)].map(|corner| pixel(layout.place(corner)));
        root.draw(&Rectangle::new(corners, ink.light.mix(value.0.abs() / most).filled()))?;
    }
    Ok(())
}

fn draw_dashes(root: &Area, places: &[Place], ink: &Ink) -> Drawn {
    root.draw(&path(places.iter().copied(), stroke(ink, DASHED)))
}

fn draw_sample(root: &Area, series: &Series, kind: Kind, (left, middle): Place) -> Drawn {
    let (ink, right) = (ink(series), left + SAMPLE);
    let block = [(left + 3.0, middle - 6.0), (right - 3.0, middle + 6.0)].map(pixel);
    match kind {
        Kind::Bars | Kind::Cells => root.draw(&Rectangle::new(block, ink.light.filled())),
        Kind::Band => root.draw(&Rectangle::new(block, ink.light.mix(0.25).filled())),
        Kind::Dashed => draw_dashes(root, &[(left, middle), (right, middle)], ink),
        Kind::Line => root.draw(&path([(left, middle), (right, middle)], stroke(ink, 2.0))),
        Kind::Points => draw_marker(root, series, (left + SAMPLE / 2.0, middle)),
        Kind::LinePoints => {
            root.draw(&path([(left, middle), (right, middle)], stroke(ink, 2.0)))?;
            draw_marker(root, series, (left + SAMPLE / 2.0, middle))
        }
    }
}

/// A marker whose shape, like its colour, depends on the series' colour index: the two together tell series
/// apart in print as well.
fn draw_marker(root: &Area, series: &Series, place: Place) -> Drawn {
    let (style, (x, y), size) = (ink(series).light.filled(), pixel(place), (4.0 * FINE) as i32);
    let corners = |offsets: &[(i32, i32)]| -> Vec<_> {
        offsets.iter().map(|(dx, dy)| (x + dx * size / 10, y + dy * size / 10)).collect()
    };
    match series.colour % 4 {
        0 => root.draw(&Circle::new((x, y), size, style)),
        1 => root.draw(&Polygon::new(corners(&[(0, -13), (12, 9), (-12, 9)]), style)),
        2 => root.draw(&Polygon::new(corners(&[(-9, -9), (9, -9), (9, 9), (-9, 9)]), style)),
        _ => root.draw(&Polygon::new(corners(&[(0, -13), (13, 0), (0, 13), (-13, 0)]), style)),
    }
}

/// plotters divides font sizes by this number when it writes them.
const FONT: f64 = 1.24;

fn write(root: &Area, text: &str, place: Place, anchor: HPos, transform: FontTransform) -> Drawn {
    let style = ("sans-serif", TEXT * FINE * FONT).into_font().transform(transform).color(&TEXT_INK.light);
    root.draw(&Text::new(text.to_owned(), pixel(place), style.pos(Pos::new(anchor, VPos::Center))))
}

fn pixel((x, y): Place) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn path(places: impl IntoIterator<Item = Place>, style: ShapeStyle) -> PathElement<(i32, i32)> {
    PathElement::new(places.into_iter().map(pixel).collect::<Vec<_>>(), style)
}

fn stroke(ink: &Ink, width: f64) -> ShapeStyle {
    ink.light.stroke_width((width * FINE) as u32)
}

fn ink(series: &Series) -> &'static Ink {
    &PALETTE[series.colour % PALETTE.len()]
}

/// Width that the bars of one position share, on the horizontal axis.
fn bar_group(figure: &Figure) -> f64 {
    let bars = figure.series.iter().filter(|series| series.kind == Kind::Bars);
    let mut places: Vec<_> = bars.flat_map(|series| series.points.iter().map(|point| point.0)).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let spacing = places.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    0.8 * if spacing.is_finite() { spacing } else { 1.0 }
}

/// Entries of the legend in rows that fit the width.
fn legend_rows(series: &[Series]) -> Vec<Vec<(f64, &Series)>> {
    let (mut rows, mut left): (Vec<Vec<(f64, &Series)>>, f64) = (Vec::new(), WIDTH);
    for series in series.iter().filter(|series| !series.name.is_empty()) {
        let width = SAMPLE + 6.0 + text_width(&series.name, TEXT);
        if left + width > WIDTH - EDGE {
            rows.push(Vec::new());
            left = EDGE;
        }
        if let Some(row) = rows.last_mut() {
            row.push((left, series));
        }
        left += width + 16.0;
    }
    rows
}

/// Lines of the title that fit the width.
fn wrap(title: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in title.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), TITLE * 1.08) <= WIDTH - 2.0 * EDGE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Width of a text, estimated: the reader's font is unknown.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}
