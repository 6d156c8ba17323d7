//! The roster's validation report as one HTML page to mail to HR: how each file was read, which rows to correct, and a
//! bar per department, now against last time, so that a person sees when a department vanished. One page without
//! scripts or anything from elsewhere; every value is escaped by the template.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};
use rust_i18n::t;
use serde::Serialize;

use super::{ErrorReport, visible, words};
use crate::roster::RosterReport;
use crate::roster::facts::{FileReport, Problem, SourceReport};

const STYLE: &str = "body{font:15px/1.5 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;\
max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}\
th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #ddd;vertical-align:top}\
th.n,td.n{text-align:right;font-variant-numeric:tabular-nums}.bars{width:45%}.bar{height:.55rem;background:#2563eb;\
margin:.15rem 0}.was{background:#cbd5e1}.lost td,.bad{color:#b91c1c;font-weight:600}.good{color:#15803d}small,.note{color:#666}\
.key span{display:inline-block;width:1.5rem;height:.55rem;margin:0 .4rem 0 1rem}.refused,.use{white-space:nowrap}.use{margin-right:1em}";

/// People of one department, now and last time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Head {
    /// By the roster at hand.
    pub now: u64,
    /// By the accounts there are.
    pub before: u64,
}

impl Head {
    /// Whether there were people and are none.
    pub const fn vanished(self) -> bool {
        self.now == 0 && self.before > 0
    }
}

/// The departments in the order of a page: vanished ones first, then by path.
pub fn by_loss(heads: &BTreeMap<String, Head>) -> Vec<(&str, Head)> {
    let mut all: Vec<_> = heads.iter().map(|(path, head)| (path.as_str(), *head)).collect();
    all.sort_by_key(|(_, head)| !head.vanished());
    all
}

/// The page. `heads`: people by department, if there is something to compare with; `refused`: why the roster is not used.
pub fn html(
    report: &RosterReport,
    heads: Option<&BTreeMap<String, Head>>,
    refused: Option<&ErrorReport>,
) -> String {
    let now_only;
    let (heads, compared) = match heads {
        Some(heads) => (heads, true),
        None => {
            let alone = |(path, now): (&String, &u64)| (path.clone(), Head { now: *now, before: 0 });
            now_only = report.departments.iter().map(alone).collect();
            (&now_only, false)
        }
    };
    let title = format!("{} {}", t!("roster_html.title"), report.as_of);
    page(
        &title,
        &html! {
            @if let Some(error) = refused {
                p.bad { (t!("roster_html.unreadable")) }
                p { (visible(&error.message)) }
            }
            @for doubt in &report.doubts { p.bad { (visible(doubt)) } }
            p {
                (t!("roster_html.total", rows = report.rows, accepted = report.accepted,
                    refused = report.refused, people = report.people, blocked = report.blocked))
            }
            @let lost = heads.values().filter(|head| head.vanished()).count();
            @if lost > 0 { p.bad { (t!("roster_html.lost", count = lost)) } }
            @if report.refused == 0 { p.good { (t!("roster_html.all_good")) } }
            @for source in &report.sources { (source_section(source, report.sources.len() > 1)) }
            h2 { (t!("roster_html.departments")) }
            (departments(heads, compared))
        },
    )
}

/// The page for a roster that cannot be read at all: what is wrong, where, and what to do.
pub fn failure(error: &ErrorReport) -> String {
    page(
        &t!("roster_html.title"),
        &html! {
            p.bad { (t!("roster_html.unreadable")) }
            p { (visible(&error.message)) }
            p { (t!("roster_html.advised", advice = visible(&error.next))) }
        },
    )
}

fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(&*rust_i18n::locale()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { h1 { (title) } (body) }
        }
    };
    page.into_string()
}

fn source_section(source: &SourceReport, named: bool) -> Markup {
    html! {
        @if named { h2 { (t!("roster_html.source")) " " (visible(&source.name)) } }
        @if let Some(preset) = source.preset.filter(|preset| !preset.verified) {
            p.note { (t!("roster_html.unverified", preset = preset.name.as_str())) }
        }
        @if let Some(why) = &source.frozen {
            p.bad { (t!("roster_html.frozen")) " " (visible(why)) }
        }
        @for file in &source.files { (file_section(file)) }
    }
}

fn file_section(file: &FileReport) -> Markup {
    let form: Vec<&str> =
        [Some(file.format), file.encoding, file.sheet.as_deref()].into_iter().flatten().collect();
    let counted: u64 = file.reasons.values().sum();
    let more = counted.saturating_sub(file.problems.len() as u64);
    html! {
        h2 { (visible(&file.file)) " " small { (visible(&form.join(" · "))) } }
        p { (t!("roster_html.rows", rows = file.rows, accepted = file.accepted, refused = file.refused)) }
        (columns(file))
        @if !file.notes.is_empty() {
            ul.note { @for note in &file.notes { li { (visible(&note.message())) } } }
        }
        @if !file.problems.is_empty() {
            table {
                tr {
                    th.n { (t!("roster_html.line")) } th { (t!("roster_html.column")) }
                    th { (t!("roster_html.problem")) } th { (t!("roster_html.advice")) }
                }
                @for problem in &file.problems { (row(problem)) }
            }
            @if more > 0 { p { (t!("roster_html.more", count = more)) } }
        }
    }
}

/// Which column is used for what; those that are not used are named too, for one of them may be meant.
fn columns(file: &FileReport) -> Markup {
    let used = file.columns.iter().filter(|column| !column.fields.is_empty());
    let used: Vec<String> = used
        .map(|column| {
            let fields: Vec<_> = column.fields.iter().map(|field| field.title()).collect();
            format!("{} → {}", visible(&column.header), fields.join(&words::comma()))
        })
        .collect();
    let unused = file.columns.iter().filter(|column| column.fields.is_empty() && !column.header.is_empty());
    let unused: Vec<_> = unused.map(|column| visible(&column.header)).collect();
    html! {
        p.note {
            (t!("roster_html.columns"))
            @for column in &used { " " span.use { (column) } }
            @if !unused.is_empty() { br; (t!("roster_html.unused", columns = unused.join(&words::comma()))) }
        }
    }
}

fn row(problem: &Problem) -> Markup {
    html! {
        tr {
            td.n { (problem.line) }
            td { (visible(problem.column.as_deref().unwrap_or_default())) }
            td {
                (visible(&problem.message()))
                @if problem.refused { " " span."bad refused" { (t!("roster_html.refused")) } }
            }
            td { (problem.advice()) }
        }
    }
}

/// A department that had people and has none any more is told apart by more than colour.
fn departments(heads: &BTreeMap<String, Head>, compared: bool) -> Markup {
    let most = heads.values().flat_map(|head| [head.now, head.before]).max().unwrap_or(1).max(1);
    // In CSS only numbers get here; a bar of one person stays visible beside one of thousands.
    let width =
        |people: u64| format!("width:{}%", if people == 0 { 0 } else { (people * 100 / most).max(1) });
    html! {
        @if compared {
            p.key.note {
                span.bar {} (t!("roster_html.now")) span.bar.was {} (t!("roster_html.before"))
            }
        }
        table {
            tr {
                th { (t!("roster_html.department")) } th.n { (t!("roster_html.now")) }
                @if compared { th.n { (t!("roster_html.before")) } }
                th.bars {}
            }
            @for (path, head) in by_loss(heads) {
                tr.lost[head.vanished()] {
                    td { (visible(path)) @if head.vanished() { " — " (t!("roster_html.vanished")) } }
                    td.n { (head.now) }
                    @if compared { td.n { (head.before) } }
                    td {
                        div.bar style=(width(head.now)) {}
                        @if compared { div.bar.was style=(width(head.before)) {} }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::roster::read_memory;

    fn report(csv: &str) -> RosterReport {
        let config = crate::config::RosterConfig { max_invalid_percent: 100.0, ..Default::default() };
        read_memory(&config, &[("<b>.csv", csv.as_bytes().to_vec())], NaiveDate::default()).unwrap().report
    }

    #[test]
    fn nothing_in_a_file_becomes_markup() {
        let rows = "工号,姓名,部门,状态,<script>\n1,张三,<img src=x onerror=alert(1),在职,x\n\
                    2,李四,A,<script>alert(1)</script>,y\n";
        let page = html(&report(rows), None, None);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"), "{page}");
        assert!(page.contains("/&lt;img src=x onerror=alert(1)") && page.contains("&lt;b&gt;.csv"));
    }

    #[test]
    fn a_department_that_vanished_comes_first_and_is_named_so() {
        let heads = BTreeMap::from([
            ("/A".to_owned(), Head { now: 9, before: 8 }),
            ("/B".to_owned(), Head { now: 0, before: 12 }),
        ]);
        let page = html(&report("工号,姓名,部门\n1,张三,A\n"), Some(&heads), None);
        let (lost, kept) = (page.find("<td>/B — ").unwrap(), page.find("<td>/A").unwrap());
        assert!(lost < kept && page.contains("width:75%") && page.contains("width:100%"), "{page}");
    }
}
