//! The tables of `docs/readiness.md`.

use std::time::Duration;

use crate::start::Start;

type Row = (&'static str, Vec<Start>);

/// Programs whose failure `docs/readiness.md` says that `settled` does not see.
const KNOWN_FALSE: [&str; 8] = [
    "f-alarm",
    "f-dns5",
    "f-fifo",
    "f-redis-manager",
    "f-tokio-accept-fail",
    "f-tokio-listen-backoff",
    "f-tokio-listen-sleep",
    "f-tokio-unix-slow-reply",
];

/// The programs of which something else was said than that page tells.
pub(crate) fn surprises<'a>(healthy: &'a [Row], failing: &'a [Row]) -> Vec<&'a str> {
    let is_up = |start: &Start| start.status == 0;
    let down = healthy
        .iter()
        .filter(|(_, starts)| !starts.iter().all(is_up));
    let up = failing
        .iter()
        .filter(|(name, starts)| starts.iter().any(is_up) && !KNOWN_FALSE.contains(name));
    down.chain(up).map(|(name, _)| *name).collect()
}

/// What a run of the program takes that does nothing, and a start that waits for nothing.
pub(crate) fn print_baseline(own: &[Start], exec: &[Start]) {
    for (what, starts) in [
        ("A run that does nothing", own),
        ("A start with `ready = \"exec\"`", exec),
    ] {
        println!(
            "{what}: median {:.1} ms, processor time {:.1} ms.",
            quantile(&sorted(starts, |start| start.time), 50),
            quantile(&sorted(starts, |start| start.cpu), 50)
        );
    }
    println!();
}

pub(crate) fn print_healthy(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!("| program | up | median | p90 | launcher's processor time |");
    println!("|---|---|---|---|---|");
    let mut medians = Vec::new();
    let mut costs = Vec::new();
    for (name, starts) in rows {
        let times = sorted(starts, |start| start.time);
        let cost = quantile(&sorted(starts, |start| start.cpu), 50);
        let up = starts.iter().filter(|start| start.status == 0).count();
        let (median, p90) = (quantile(&times, 50), quantile(&times, 90));
        println!(
            "| {name} | {up}/{} | {median:.1} ms | {p90:.1} ms | {cost:.1} ms |",
            starts.len()
        );
        medians.push(median);
        costs.push(cost);
    }
    medians.sort_by(f64::total_cmp);
    costs.sort_by(f64::total_cmp);
    println!(
        "\nOf {} programs: median of the medians {:.1} ms, p90 {:.1} ms; median of the processor times \
         {:.1} ms.\n",
        rows.len(),
        quantile(&medians, 50),
        quantile(&medians, 90),
        quantile(&costs, 50)
    );
}

pub(crate) fn print_failing(rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    println!("| program | false \"up\" | median |");
    println!("|---|---|---|");
    let (mut all, mut wrong, mut wrong_programs) = (0, 0, 0);
    for (name, starts) in rows {
        let up = starts.iter().filter(|start| start.status == 0).count();
        let median = quantile(&sorted(starts, |start| start.time), 50);
        let up_shown = if up == 0 {
            format!("0/{}", starts.len())
        } else {
            format!("**{up}/{}**", starts.len())
        };
        println!("| {name} | {up_shown} | {median:.0} ms |");
        let broken = starts
            .iter()
            .filter(|start| ![0, 3].contains(&start.status))
            .count();
        if broken > 0 {
            println!("({name} ended in another way than it should, {broken} times)");
        }
        all += starts.len();
        wrong += up;
        wrong_programs += usize::from(up > 0);
    }
    println!(
        "\nFalse \"up\": {wrong} of {all} starts, {wrong_programs} of {} programs.",
        rows.len()
    );
}

fn sorted(starts: &[Start], key: impl Fn(&Start) -> Duration) -> Vec<f64> {
    let mut values: Vec<f64> = starts
        .iter()
        .map(|start| key(start).as_secs_f64() * 1e3)
        .collect();
    values.sort_by(f64::total_cmp);
    values
}

fn quantile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
