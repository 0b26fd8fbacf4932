//! Tables that are kept as files, so that a changed rule is seen as a changed line.

use std::path::Path;

/// Compares a table with the file of that name in `tests/golden`, byte for byte.
#[track_caller]
pub fn check(name: &str, actual: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::fs::read_to_string(&kept).is_ok_and(|expected| expected == actual) {
        return;
    }
    let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&written, actual).unwrap();
    panic!(
        "the table differs from the one that is kept; to see it, and to take it over:\n  diff {1} {0}\n  cp {0} {1}\n",
        written.display(),
        kept.display()
    );
}

/// What stands at the head of every kept table.
pub fn header(title: &str) -> String {
    format!(
        "# {title}\n# Do not edit: `cargo test -p crm-domain` compares it byte for byte with what the code says.\n# To renew it run that; the failing test writes the present table and prints the command that copies it here.\n\n"
    )
}
