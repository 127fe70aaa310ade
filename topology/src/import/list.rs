//! The list as it stands: CSV in, codes and names with their lines out.

use yizhan_schemas::Code;

use crate::check;
use crate::problem::{At, Fault, Report, shown};

/// Where the digits of a statistical code are cut.
const CUT: [usize; 3] = [6, 3, 3];

/// One line of the list.
pub(super) struct Row {
    pub(super) code: Code,
    pub(super) name: String,
    /// `None` if it could not be read.
    pub(super) tier: Option<String>,
}

/// Where the columns are.
struct Columns {
    code: usize,
    name: usize,
    tier: usize,
}

impl Columns {
    fn find(header: &csv::StringRecord, report: &mut Report) -> Option<Self> {
        let mut find = |column: &str| {
            let found = header.iter().position(|name| name.eq_ignore_ascii_case(column));
            if found.is_none() {
                let what = format!("the header has no column `{column}`");
                report.add(1, what, "valid is a first line such as code,name,tier");
            }
            found
        };
        let (code, name, tier) = (find("code"), find("name"), find("tier"));
        Some(Self { code: code?, name: name?, tier: tier? })
    }
}

/// The lines of a list whose codes could be read; none if its header lacks a column.
pub(super) fn rows(csv_text: &str, report: &mut Report) -> Vec<At<Row>> {
    let text = csv_text.trim_start_matches('\u{feff}');
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    // reading from a text that is in memory already cannot fail, and lines may be of any length
    let header = reader.headers().cloned().unwrap_or_default();
    let Some(columns) = Columns::find(&header, report) else { return Vec::new() };
    let records = reader.records().filter_map(Result::ok);
    records.filter_map(|record| row(text, &record, &columns, report)).collect()
}

fn row(
    text: &str,
    record: &csv::StringRecord,
    columns: &Columns,
    report: &mut Report,
) -> Option<At<Row>> {
    let line = line(text, record);
    let mut cell = |column: &str, at: usize, check: fn(&str) -> Result<String, Fault>| {
        let Some(cell) = record.get(at) else {
            let what = format!("this line has no `{column}`");
            report.add(line, what, "valid are as many cells as the header has");
            return None;
        };
        let fault =
            |fault: Fault| report.add(line, format!("`{column}`: {}", fault.what), fault.valid);
        check(cell).map_err(fault).ok()
    };
    let code = cell("code", columns.code, dotted);
    let name = cell("name", columns.name, check::name);
    let tier = cell("tier", columns.tier, check::tier);
    let code = Code::parse(&code?).ok()?;
    Some(At { line, it: Row { code, name: name.unwrap_or_default(), tier } })
}

/// The line on which a record begins. The reader counts from where the record before it ended, so
/// that the rest of that line's end and empty lines still lie ahead.
pub fn line(text: &str, record: &csv::StringRecord) -> usize {
    let Some(position) = record.position() else { return 1 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ahead = text.get(start..).unwrap_or_default().chars();
    let ends = ahead.take_while(|c| matches!(c, '\r' | '\n')).filter(|c| *c == '\n').count();
    usize::try_from(position.line()).unwrap_or(usize::MAX).saturating_add(ends)
}

/// The text of a station's code: statistical digits cut into tokens, or dots as they stand.
fn dotted(text: &str) -> Result<String, Fault> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return check::code(text).map(String::from);
    }
    if ![6, 9, 12].contains(&text.len()) {
        let what = format!("{} has {} digits", shown(text), text.len());
        return Err(Fault::new(what, "valid are 6, 9 or 12 digits, or a code with dots"));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    for length in CUT {
        let Some((token, behind)) = rest.split_at_checked(length) else { break };
        tokens.push(token);
        rest = behind;
    }
    // upper tiers are padded: 510722101000 is the township 510722.101
    while tokens.len() > 1 && tokens.last() == Some(&"000") {
        tokens.pop();
    }
    Ok(tokens.join("."))
}
