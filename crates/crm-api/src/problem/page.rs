//! The page that the `type` of every problem document points to, made from the table of codes.

use std::fmt::Write;

use super::code::TABLE;

/// One HTML page with an anchor for each code.
pub(crate) fn problems_page() -> String {
    let mut rows = String::new();
    for row in TABLE {
        let (name, status, title, help) = (row.name, row.status.as_u16(), row.title, with_code_marks(row.help));
        writeln!(rows, "<tr id=\"{name}\"><td><code>{name}</code><td>{status}<td>{title}<td>{help}")
            .expect("writing to a String cannot fail");
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Problems</title>\n<style>{STYLE}</style>\n\
         <h1>Problems</h1>\n<p>Every answer that is not a success is <code>application/problem+json</code> (RFC 9457). \
         Its <code>code</code> is one of these and never changes its meaning.</p>\n\
         <table>\n<tr><th>Code<th>Status<th>Title<th>When, and what to do\n{rows}</table>\n"
    )
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}\
    table{border-collapse:collapse}td,th{text-align:left;vertical-align:top;padding:.4rem .8rem;border-bottom:1px solid #ccc}\
    tr:target{background:#ffd}";

/// Turns `text` between backticks into code.
fn with_code_marks(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let marked = parts.iter().enumerate().map(|(index, part)| match index % 2 {
        0 => (*part).to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_anchor() {
        let page = problems_page();
        for row in TABLE {
            assert!(page.contains(&format!("id=\"{}\"", row.name)), "{}", row.name);
        }
    }

    #[test]
    fn backticks_become_code() {
        assert_eq!(with_code_marks("Send `If-Match` now."), "Send <code>If-Match</code> now.");
    }
}
