//! The plots of the benchmarks, drawn from their report.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::bench::REPORT;
use crate::commands::none;
use crate::shell::{read, root};

const FOLDER: &str = "docs/plots";

/// Bars of one table of the report.
struct Plot {
    file: &'static str,
    title: &'static str,
    /// The beginning of the line above the table; of several tables, each above its own.
    tables: &'static [&'static str],
    /// The row that is drawn of each table, under the table's name; all rows, if none is named.
    row: Option<&'static str>,
    /// The columns that are drawn, from the second one, each with what is said behind its bars.
    columns: &'static [(usize, &'static str)],
    unit: &'static str,
}

const PLOTS: &[Plot] = &[
    Plot {
        file: "parser.svg",
        title: "Parsing small events from chunks of 16 KiB (more is better)",
        tables: &["(a) deltas, 16 KiB: "],
        row: None,
        columns: &[(1, "")],
        unit: "GB/s",
    },
    Plot {
        file: "throughput.svg",
        title: "What the parser reads, by corpus and chunk (borrowed events)",
        tables: &[
            "(a) deltas, 16 KiB",
            "(a) deltas, hot, 16 KiB",
            "(a) deltas, 1,400 B",
            "(a) deltas, 256 KiB",
            "(a) deltas, 1 to 7 B",
            "(b) results, 16 KiB",
            "(b) results, 1,400 B",
            "(c) mixed, 16 KiB",
            "(c) mixed, 1,400 B",
            "(c) mixed, 1 to 7 B",
        ],
        row: Some("qoder-sse, borrowed"),
        columns: &[(1, "")],
        unit: "GB/s",
    },
    Plot {
        file: "cost.svg",
        title: "The processor's time for a delta in a chunk of its own (less is better)",
        tables: &["100000 deltas, each event in a chunk of its own"],
        row: None,
        columns: &[(1, "")],
        unit: "µs",
    },
    Plot {
        file: "followers.svg",
        title: "The heap of one idle follower, by how many there are",
        tables: &["each follower gets 100 events"],
        row: None,
        columns: &[(2, " followers")],
        unit: "KiB",
    },
    Plot {
        file: "connections.svg",
        title: "The heap of one of 2,000 idle followers, by their connections",
        tables: &["2000 followers that wait"],
        row: None,
        columns: &[(1, ""), (2, ", allowed")],
        unit: "KiB",
    },
    Plot {
        file: "busy.svg",
        title: "The most on the heap of a program that reads as fast as it can",
        tables: &["## The memory of events and calls"],
        row: None,
        columns: &[(3, "")],
        unit: "KiB",
    },
    Plot {
        file: "size.svg",
        title: "A small program, stripped",
        tables: &["a program with one call and one stream"],
        row: None,
        columns: &[(2, "")],
        unit: "KiB",
    },
    Plot {
        file: "build.svg",
        title: "The processor's time to build it from nothing, by crate",
        tables: &["the same, with the same features, by crate: "],
        row: None,
        columns: &[(1, ", in qoder's"), (2, ", in the stack's")],
        unit: "s",
    },
    Plot {
        file: "code.svg",
        title: "Its functions, by the crate that they are written in",
        tables: &["the same, with the same features, by the crate that"],
        row: None,
        columns: &[(1, ", in qoder's"), (2, ", in the stack's")],
        unit: "KiB",
    },
    Plot {
        file: "recovery.svg",
        title: "1,000 events, a cut every 30 frames",
        tables: &["1000 events, a cut every 30 frames"],
        row: None,
        columns: &[(1, ", undisturbed"), (2, ", with cuts"), (4, ", allowed")],
        unit: "ms",
    },
];

/// Draws all of them into the docs.
pub(crate) fn run(args: &[&str]) -> Result<(), String> {
    none("plots", args)?;
    let folder = root().join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{FOLDER}: {error}"))?;
    for (file, svg) in drawn()? {
        let path = folder.join(file);
        std::fs::write(&path, svg).map_err(|error| format!("{FOLDER}/{file}: {error}"))?;
        println!("{FOLDER}/{file}");
    }
    Ok(())
}

/// That each shows what the report says.
pub(crate) fn check() -> Result<(), String> {
    for (file, svg) in drawn()? {
        if read(&root().join(FOLDER).join(file)).ok().as_ref() != Some(&svg) {
            return Err(format!(
                "{FOLDER}/{file} doesn't show what {REPORT} says: `cargo xtask plots`"
            ));
        }
    }
    Ok(())
}

fn drawn() -> Result<Vec<(&'static str, String)>, String> {
    let report = read(&root().join(REPORT))?;
    let drawn = PLOTS.iter().map(|plot| {
        let bars = bars(plot, &report).map_err(|why| format!("{REPORT}: {why}"))?;
        let svg = draw(plot, &bars).map_err(|error| format!("{}: {error}", plot.file))?;
        Ok((plot.file, svg))
    });
    drawn.collect()
}

#[derive(Debug, PartialEq)]
struct Bar {
    name: String,
    /// The length of the bar, and the value as the report has it.
    value: f64,
    said: String,
}

/// The bars of a plot, by the rows of its tables.
fn bars(plot: &Plot, report: &str) -> Result<Vec<Bar>, String> {
    let tables = plot.tables.iter();
    let bars: Result<Vec<_>, _> = tables
        .map(|above| bars_below(plot, above, report))
        .collect();
    Ok(bars?.into_iter().flatten().collect())
}

fn bars_below(plot: &Plot, above: &str, report: &str) -> Result<Vec<Bar>, String> {
    let (_, below) = report
        .split_once(&format!("\n{above}"))
        .ok_or_else(|| format!("no line begins with {above:?}"))?;
    let rows = below
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        // The head, and the line below it.
        .skip(2);
    let mut bars = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        if plot.row.is_some_and(|row| row != cells[0]) {
            continue;
        }
        let name = plot.row.map_or(cells[0], |_| above);
        for (column, what) in plot.columns {
            let cell = cells.get(*column).copied().unwrap_or_default();
            let number = cell.split(' ').next().unwrap_or_default();
            let value = number.parse().map_err(|_| {
                format!("below {above:?}, the {column}th column of {row:?} is no number")
            })?;
            bars.push(Bar {
                name: format!("{}{what}", name.replace('`', "")),
                value,
                said: format!("{number} {}", plot.unit),
            });
        }
    }
    if bars.is_empty() {
        let what = plot.row.unwrap_or("table");
        return Err(format!("there is no {what} below {above:?}"));
    }
    Ok(bars)
}

/// In pixels: the plot, its title, a bar with its gap, and what is left for names and for numbers.
const WIDTH: i32 = 760;
const TITLE: i32 = 44;
const ROW: i32 = 26;
const NAMES: i32 = 330;
const NUMBERS: i32 = 100;

const OURS: RGBColor = RGBColor(31, 111, 180);
const OTHERS: RGBColor = RGBColor(150, 160, 170);
/// Readable on light and on dark pages.
const TEXT: RGBColor = RGBColor(110, 118, 126);

/// The ends of the names of bars that show no cost of ours.
const NOT_OURS: [&str; 2] = [", allowed", ", in the stack's"];

/// Bars below each other, from one edge.
fn draw(plot: &Plot, bars: &[Bar]) -> Result<String, Box<dyn std::error::Error>> {
    let beside = plot.columns.len() == 1 && bars.iter().any(|bar| bar.name.starts_with("qoder"));
    let longest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let height = TITLE + ROW * i32::try_from(bars.len())?;
    let mut svg = String::new();
    {
        let size = (u32::try_from(WIDTH)?, u32::try_from(height)?);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let font = |size: i32| ("sans-serif", size).into_font().color(&TEXT);
        let text = |words: String, at: (i32, i32), size: i32, side: HPos| {
            let style = font(size).pos(Pos::new(side, VPos::Center));
            area.draw(&Text::new(words, at, style))
        };
        text(plot.title.to_owned(), (8, TITLE / 2), 19, HPos::Left)?;
        for (number, Bar { name, value, said }) in bars.iter().enumerate() {
            let top = TITLE + ROW * i32::try_from(number)?;
            let middle = top + ROW / 2 - 2;
            let full = f64::from(WIDTH - NAMES - NUMBERS);
            #[allow(clippy::cast_possible_truncation, reason = "pixels of this plot")]
            let end = NAMES + (value / longest * full).round().max(1.0) as i32;
            // What is measured beside others has its name; where there are no others, all is ours.
            let ours = name.starts_with("qoder") || !beside;
            let color = if ours && !NOT_OURS.iter().any(|end| name.ends_with(end)) {
                OURS
            } else {
                OTHERS
            };
            area.draw(&Rectangle::new(
                [(NAMES, top + 2), (end, top + ROW - 6)],
                color.filled(),
            ))?;
            text(name.clone(), (NAMES - 8, middle), 16, HPos::Right)?;
            text(said.clone(), (end + 6, middle), 16, HPos::Left)?;
        }
        area.present()?;
    }
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::{Bar, Plot, bars};

    const REPORT: &str = "intro\n\nthe one: 3 things\n\n| a | b | c |\n|---|--:|--:|\n| `x` | 1.5 KiB | 2 |\n| y | 3 | four |\n\nmore";

    fn plot(table: &'static &'static str, columns: &'static [(usize, &'static str)]) -> Plot {
        Plot {
            file: "a.svg",
            title: "",
            tables: std::slice::from_ref(table),
            row: None,
            columns,
            unit: "s",
        }
    }

    #[test]
    fn bars_are_the_rows_of_the_table() {
        let drawn = bars(&plot(&"the one: ", &[(1, ", b")]), REPORT);
        let bar = |name: &str, value, said: &str| Bar {
            name: name.to_owned(),
            value,
            said: said.to_owned(),
        };
        let wanted = vec![bar("x, b", 1.5, "1.5 s"), bar("y, b", 3.0, "3 s")];
        assert_eq!(drawn, Ok(wanted));
    }

    #[test]
    fn what_is_no_table_or_no_number_is_told() {
        for (table, columns, why) in [
            (&"the other", &[(1, "")][..], "no line begins with"),
            (&"more", &[(1, "")], "there is no table"),
            (&"the one", &[(2, "")], "is no number"),
            (&"the one", &[(7, "")], "is no number"),
        ] {
            let told = bars(&plot(table, columns), REPORT).expect_err(why);
            assert!(told.contains(why), "{told}");
        }
    }
}
