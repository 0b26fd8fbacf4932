//! The reader as a whole: files as people have them, and files as nobody should.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};

use proptest::prelude::*;

use super::*;

/// Made-up companies in the form of a regulator's register.
const REGISTER: &str = "\u{FEFF}\"no_amf\";\"entite_nom\";\"forme_juridique\";\"pays_siege\";\"telephone\";\"lei\";\"statut\"\r\n\
    \"GP-00000001\";\"PREMIÈRE GESTION FICTIVE\";\"Société anonyme\";\"FR\";\"+33 1 00 00 00 00\";\"\";\"Vivant\"\r\n\
    \"GP-00000001\";\"PREMIÈRE GESTION FICTIVE\";\"Société anonyme\";\"FR\";\"+33 1 00 00 00 00\";\"\";\"Vivant\"\r\n\
    \"GP-00000002\";\"DEUXIÈME \"\"EXEMPLE\"\"\";\"\";\"BE\";\"\";\"\";\"Radié\"\r\n";

fn options() -> Options {
    Options::new(ORGANISATION)
}

fn open(bytes: &[u8]) -> Reader<Cursor<Vec<u8>>> {
    Reader::open(Cursor::new(bytes.to_vec()), &options()).expect("the file can be read")
}

fn refusal(bytes: &[u8]) -> ReadError {
    Reader::open(bytes, &options()).err().expect("the file cannot be read")
}

/// The cells of all rows, with those that are broken as their line and code.
fn rows(bytes: &[u8]) -> Vec<Result<Vec<String>, (u64, &'static str)>> {
    open(bytes)
        .map(|row| match row {
            Ok(row) => Ok(row.cells),
            Err(RowError::Broken(broken)) => Err((broken.line, broken.reason.code())),
            Err(RowError::Source(error)) => panic!("memory does not fail: {error}"),
        })
        .collect()
}

fn cells(row: &[&str]) -> Vec<String> {
    row.iter().map(ToString::to_string).collect()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn a_register_is_read_as_it_stands() {
    let reader = open(REGISTER.as_bytes());
    assert_eq!(
        (reader.encoding(), reader.delimiter(), reader.quote()),
        (Encoding::Utf8, Delimiter::SEMICOLON, Quote::Double)
    );
    let fields: Vec<_> = reader.columns().iter().map(Column::field).collect();
    assert_eq!(
        fields,
        [
            Some("licence_number"),
            Some("name"),
            None,
            Some("country_code"),
            Some("phone"),
            Some("lei"),
            Some("is_active")
        ]
    );
    assert_eq!(reader.columns()[2].header, "forme_juridique");
    assert_eq!((reader.position("lei"), reader.position("email")), (Some(5), None));
    let rows: Vec<Row> = reader.map(|row| row.expect("a good row")).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!((rows[2].line, rows[2].number, rows[2].shape), (4, 3, Shape::Regular));
    assert_eq!(rows[2].cells[1], "DEUXIÈME \"EXEMPLE\"");
    assert_eq!(rows[0].cells[4], "+33 1 00 00 00 00");
}

#[test]
fn every_encoding_gives_the_same_rows() {
    let text = "nom;ville\r\nCafé;Nîmes\r\n\"L'œuvre\r\nbis\";€\r\n";
    let expected = [Ok(cells(&["Café", "Nîmes"])), Ok(cells(&["L'œuvre\r\nbis", "€"]))];
    let marked = format!("\u{FEFF}{text}");
    let windows = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
    for (bytes, encoding) in [
        (text.as_bytes().to_vec(), Encoding::Utf8),
        (marked.as_bytes().to_vec(), Encoding::Utf8),
        (utf16(text, u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(text, u16::to_be_bytes), Encoding::Utf16Be),
        (utf16(&marked, u16::to_le_bytes), Encoding::Utf16Le),
        (utf16(&marked, u16::to_be_bytes), Encoding::Utf16Be),
        (windows, Encoding::Windows1252),
    ] {
        let reader = open(&bytes);
        assert_eq!(reader.encoding(), encoding);
        assert_eq!(reader.columns()[0].field(), Some("name"), "{encoding}");
        assert_eq!(rows(&bytes), expected, "{encoding}");
    }
}

#[test]
fn a_large_file_in_every_encoding_keeps_every_row_across_chunks() {
    let lines: Vec<String> = (0..20_000).map(|number| format!("Société n° {number} — 𝔄;Nîmes\n")).collect();
    let text = format!("nom;ville\n{}", lines.concat());
    for bytes in [text.clone().into_bytes(), utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes)] {
        let mut count = 0;
        for (number, row) in open(&bytes).enumerate() {
            let row = row.expect("a good row");
            assert_eq!(row.cells, [format!("Société n° {number} — 𝔄"), "Nîmes".to_owned()]);
            assert_eq!(row.line, number as u64 + 2);
            count += 1;
        }
        assert_eq!(count, 20_000);
    }
}

#[test]
fn a_late_line_that_is_not_utf_8_is_read_as_windows_1252_and_counted() {
    let mut bytes = b"nom;ville\n".to_vec();
    bytes.extend(b"Alpha;Paris\n".repeat(10_000));
    bytes.extend(b"Caf\xE9;N\xEEmes\n");
    bytes.extend("Épure;Sète\n".as_bytes());
    bytes.extend(b"\xC9t\xE9;Lyon");
    let mut reader = open(&bytes);
    assert_eq!(reader.encoding(), Encoding::Utf8);
    let all: Vec<Row> = reader.by_ref().map(|row| row.expect("a good row")).collect();
    assert_eq!(all.len(), 10_003);
    assert_eq!(all[10_000].cells, ["Café", "Nîmes"]);
    assert_eq!(all[10_001].cells, ["Épure", "Sète"]);
    assert_eq!(all[10_002].cells, ["Été", "Lyon"]);
    assert_eq!(reader.warnings().lines_as_windows_1252, 2);
}

#[test]
fn half_a_utf_16_character_is_replaced_and_counted() {
    let mut bytes = utf16("\u{FEFF}nom;ville\nAlpha;", u16::to_le_bytes);
    bytes.extend(0xD800_u16.to_le_bytes());
    bytes.extend(utf16("\nBeta;Lyon\n", u16::to_le_bytes));
    bytes.push(b'x');
    let mut reader = open(&bytes);
    let all: Vec<Row> = reader.by_ref().map(|row| row.expect("a good row")).collect();
    assert_eq!(all[0].cells, ["Alpha", "\u{FFFD}"]);
    assert_eq!(all[1].cells, ["Beta", "Lyon"]);
    assert_eq!(all[2].cells[0], "\u{FFFD}");
    assert_eq!(reader.warnings().replaced_characters, 2);
}

#[test]
fn the_line_that_announces_the_delimiter_is_honoured_and_counted() {
    let mut reader = open(b"sep=|\r\nnom;x|ville\r\nA|B\r\n");
    assert_eq!(reader.delimiter(), Delimiter::PIPE);
    let row = reader.next().expect("one row").expect("a good row");
    assert_eq!((row.line, row.number), (3, 1));
    assert_eq!(row.cells, ["A", "B"]);
}

#[test]
fn what_is_given_goes_before_what_is_recognised() {
    let options = Options {
        encoding: Some(Encoding::Windows1252),
        delimiter: Some(Delimiter::COMMA),
        quote: Some(Quote::None),
        mapping: BTreeMap::from([("B C".to_owned(), "name".to_owned())]),
        ..options()
    };
    let mut reader = Reader::open("sep=;\na,b;c\n\"é,2\n".as_bytes(), &options).expect("the file can be read");
    assert_eq!(reader.encoding(), Encoding::Windows1252);
    let row = reader.next().expect("one row").expect("a good row");
    assert_eq!(row.cells, ["\"Ã©", "2"]);
    drop(reader);
    let refused = Reader::open("a,c\n1,2\n".as_bytes(), &options).err();
    assert!(matches!(refused, Some(ReadError::UnknownHeader { .. })));
}

#[test]
fn every_line_end_counts_one_line() {
    for end in ["\n", "\r\n", "\r"] {
        let text = ["nom,ville", "\"A", "a\",1", "", "B,2"].join(end);
        let all: Vec<Row> = open(text.as_bytes()).map(|row| row.expect("a good row")).collect();
        let places: Vec<_> = all.iter().map(|row| (row.line, row.number)).collect();
        assert_eq!(places, [(2, 1), (5, 2)], "{end:?}");
    }
}

#[test]
fn ragged_rows_are_given_and_told() {
    let mut reader = open(b"nom;ville;pays;;\nA;B\nA;B;C;;;;\nA;B;C;D\nA;B;C\n;;;;\n\n \nZ;Y;X\n");
    assert_eq!(reader.columns().len(), 3);
    let all: Vec<Row> = reader.by_ref().map(|row| row.expect("a good row")).collect();
    let shapes: Vec<_> = all.iter().map(|row| row.shape).collect();
    assert_eq!(
        shapes,
        [Shape::Short { found: 2 }, Shape::Regular, Shape::Long { found: 4 }, Shape::Regular, Shape::Regular]
    );
    assert_eq!(all[0].cells, ["A", "B", ""]);
    assert_eq!(all[1].cells, ["A", "B", "C"]);
    assert_eq!(all[2].cells, ["A", "B", "C", "D"]);
    assert_eq!((all[4].line, all[4].number), (9, 5));
    let warnings = reader.warnings();
    assert_eq!((warnings.ragged_rows, warnings.blank_rows), (2, 1));
}

#[test]
fn duplicate_headers_leave_the_second_without_a_field() {
    let reader = open(b"nom,email,Email,autre,autre\n1,2,3,4,5\n");
    let used: Vec<_> = reader.columns().iter().map(|column| column.used).collect();
    assert_eq!(used, [Use::Field("name"), Use::Field("email"), Use::Taken("email"), Use::Unknown, Use::Unknown]);
}

#[test]
fn an_unclosed_quote_costs_its_line_and_no_other() {
    let text = "nom;ville\nA;1\n\"B;2\nC;3\nD;4\n";
    let expected = [Ok(cells(&["A", "1"])), Err((3, "unclosed_quote")), Ok(cells(&["C", "3"])), Ok(cells(&["D", "4"]))];
    assert_eq!(rows(text.as_bytes()), expected);
}

#[test]
fn two_unclosed_quotes_cost_their_lines_and_no_others() {
    let text = "nom;ville\n\"A;1\nB;2\n\"C;3\nD;4\n";
    let expected =
        [Err((2, "stray_quote")), Ok(cells(&["B", "2"])), Err((4, "unclosed_quote")), Ok(cells(&["D", "4"]))];
    assert_eq!(rows(text.as_bytes()), expected);
}

#[test]
fn an_unclosed_quote_among_quoted_cells_costs_its_line_and_no_other() {
    let text = "\"nom\";\"ville\"\n\"A\";\"1\n\"B\";\"2\"\n\"C\";\"3\"\n";
    assert_eq!(rows(text.as_bytes()), [Err((2, "stray_quote")), Ok(cells(&["B", "2"])), Ok(cells(&["C", "3"]))]);
}

#[test]
fn what_may_be_the_inside_of_a_broken_cell_does_not_become_a_row() {
    let text = "nom;ville\n\"A;first\nsecond line\nB;2\n";
    let expected = [Err((2, "unclosed_quote")), Err((3, "fragment")), Ok(cells(&["B", "2"]))];
    assert_eq!(rows(text.as_bytes()), expected);
}

#[test]
fn a_record_with_too_many_cells_is_reported_and_the_next_is_read() {
    let text = format!("nom;ville\n{}\nB;2\n", "x;".repeat(300));
    assert_eq!(rows(text.as_bytes()), [Err((2, "too_many_cells")), Ok(cells(&["B", "2"]))]);
}

#[test]
fn a_line_longer_than_a_record_may_be_is_reported_and_the_next_is_read() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("nom;ville{end}{}{end}B;2{end}", "x".repeat(3 * RECORD_BYTES));
        assert_eq!(rows(text.as_bytes()), [Err((2, "record_too_long")), Ok(cells(&["B", "2"]))], "{end:?}");
        let last = open(text.as_bytes()).last().expect("rows").expect("a good row");
        assert_eq!((last.line, last.number), (3, 2), "{end:?}");
    }
}

#[test]
fn an_overlong_line_that_ends_where_a_chunk_does_takes_no_other_with_it() {
    for end in ["\n", "\r\n", "\r"] {
        let head = format!("nom;ville{end}");
        for (chunks, around) in (32..42).flat_map(|chunks| (0..4).map(move |around| (chunks, around))) {
            let long = "x".repeat(chunks * 64 * 1024 - head.len() - around);
            let text = format!("{head}{long}{end}B;2{end}C;3{end}");
            let mut reader = open(text.as_bytes());
            let first = reader.next().expect("a first row").expect_err("it is too long");
            assert!(matches!(first, RowError::Broken(BrokenRow { line: 2, last_line: 2, .. })), "{first:?}");
            let rest: Vec<Row> = reader.map(|row| row.expect("a good row")).collect();
            let found: Vec<_> = rest.iter().map(|row| (row.line, row.cells.join(";"))).collect();
            assert_eq!(found, [(3, "B;2".to_owned()), (4, "C;3".to_owned())], "{end:?} {chunks} {around}");
        }
    }
}

#[test]
fn a_record_just_within_the_limit_is_read() {
    let long = "x".repeat(RECORD_BYTES - 3);
    let text = format!("nom;ville\n{long};2\nB;3\n");
    assert_eq!(rows(text.as_bytes()), [Ok(cells(&[&long, "2"])), Ok(cells(&["B", "3"]))]);
}

#[test]
fn zero_bytes_stay_in_their_cells_and_leave_headers_and_empty_rows() {
    let mut reader = open(b"n\0om;ville\nAl\0pha;Paris and its suburbs\nBeta;Lyon\n\0\0\0\n");
    assert_eq!(reader.columns()[0].header, "nom");
    let rows: Vec<Vec<String>> = reader.by_ref().map(|row| row.expect("a good row").cells).collect();
    assert_eq!(rows, [["Al\0pha", "Paris and its suburbs"], ["Beta", "Lyon"]]);
}

#[test]
fn a_header_without_rows_is_a_file_of_no_rows() {
    for bytes in ["nom;ville", "nom;ville\n", "\n\nnom;ville\n\n;\n"] {
        assert_eq!(rows(bytes.as_bytes()), [], "{bytes:?}");
    }
}

#[test]
fn files_that_are_none_are_refused_by_name() {
    assert!(matches!(refusal(b""), ReadError::Empty));
    assert!(matches!(refusal(b"\xEF\xBB\xBF"), ReadError::Empty));
    assert!(matches!(refusal(b"\xFF\xFE"), ReadError::Empty));
    assert!(matches!(refusal(b"\r\n ;; \n"), ReadError::Empty));
    assert!(matches!(refusal(b"sep=;\n"), ReadError::Empty));
    assert!(matches!(refusal(b"\"nom;ville\nA;B"), ReadError::Header { line: 1, reason: Reason::UnclosedQuote }));
    assert!(matches!(refusal(b"PK\x03\x04"), ReadError::NotText(NotText::Archive)));
    let wide = refusal("a,".repeat(300).as_bytes());
    assert!(matches!(wide, ReadError::Header { line: 1, reason: Reason::TooManyCells { found: 301 } }));
    assert_eq!(wide.to_string(), "line 1: the header cannot be read: the record has 301 cells, more than 256");
}

#[test]
fn a_guarding_apostrophe_is_taken_off() {
    assert_eq!(rows(b"nom;ville\n'+33;l'Aube\n"), [Ok(cells(&["+33", "l'Aube"]))]);
}

#[test]
fn an_error_file_can_be_read_again() {
    let mut file = ErrorFile::create(Vec::new(), &["nom", "téléphone"], Delimiter::SEMICOLON).expect("memory takes it");
    let problem =
        Problem { column: "téléphone".into(), value: "+1".into(), code: "phone".into(), reason: "too short".into() };
    file.write(7, &["L\"A;\nB", "+1"], &[problem]).expect("memory takes it");
    let bytes = file.finish().expect("memory takes it");
    assert_eq!(open(&bytes).columns()[1].field(), Some("phone"));
    assert_eq!(rows(&bytes), [Ok(cells(&["L\"A;\nB", "+1", "7", "téléphone", "+1", "phone", "too short"]))]);
}

/// Repeats a piece for ever and counts what was taken.
struct Endless<'a> {
    head: &'a [u8],
    piece: &'a [u8],
    taken: usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = match self.head.get(self.taken) {
                Some(byte) => *byte,
                None => self.piece[(self.taken - self.head.len()) % self.piece.len()],
            };
            self.taken += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn an_unclosed_quote_in_an_endless_file_fails_within_the_limit() {
    for piece in ["abc;def\n", "x"] {
        let mut endless = Endless { head: b"nom;ville\n\"A;", piece: piece.as_bytes(), taken: 0 };
        let mut reader = Reader::open(&mut endless, &options()).expect("the header is there");
        let error = reader.next().expect("a first row").expect_err("it is broken");
        assert!(matches!(error, RowError::Broken(BrokenRow { line: 2, number: 1, reason: Reason::TooLong, .. })));
        drop(reader);
        assert!(endless.taken < 3 * RECORD_BYTES, "{} bytes taken", endless.taken);
    }
}

#[test]
fn rows_behind_an_unclosed_quote_in_an_endless_file_are_read() {
    let endless = Endless { head: b"nom;ville\n\"A;", piece: b"abc;def\n", taken: 0 };
    let mut reader = Reader::open(endless, &options()).expect("the header is there");
    assert!(reader.next().expect("a first row").is_err());
    for row in reader.take(300_000) {
        assert_eq!(row.expect("a good row").cells, ["abc", "def"]);
    }
}

#[test]
fn an_endless_header_is_refused_within_the_limit() {
    for (head, piece) in [("\"", "x\n"), ("", "x"), ("", "\n"), ("", " \n"), ("a", "\0"), ("x\0", "abcdefghijkl")] {
        let mut endless = Endless { head: head.as_bytes(), piece: piece.as_bytes(), taken: 0 };
        let refused = Reader::open(&mut endless, &options()).err();
        assert!(refused.is_some(), "{head:?} {piece:?}");
        assert!(endless.taken < 4 * RECORD_BYTES, "{} bytes taken", endless.taken);
    }
}

#[test]
fn lines_that_each_look_unclosed_take_linear_time() {
    // Seen from the beginning of any of these lines, no line end is outside quotes; each is long enough that a megabyte
    // of them stays below the limit of cells.
    let line = format!("x\",\"{}\n", "y".repeat(9_000));
    let text = format!("nom,ville\n{}", line.repeat(2_000));
    let mut reader = Reader::open(text.as_bytes(), &options()).expect("the header is there");
    let broken = reader.by_ref().filter(Result::is_err).count();
    assert!((1..=60).contains(&broken), "{broken} failures, each of which scans a megabyte");
}

/// Fails after its bytes.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer) {
            Ok(0) => Err(io::Error::other("the line went dead")),
            result => result,
        }
    }
}

#[test]
fn a_source_that_fails_ends_the_rows_with_its_error() {
    let refused = Reader::open(Failing(b"nom;ville\nA;B\n"), &options()).err();
    assert!(matches!(refused, Some(ReadError::Source(_))));
    let text = format!("nom;ville\n{}", "A;B\n".repeat(100_000));
    let mut reader = Reader::open(Failing(text.as_bytes()), &options()).expect("the header is there");
    assert!(matches!(reader.find(Result::is_err), Some(Err(RowError::Source(_)))));
    assert!(reader.next().is_none());
}

/// Gives one byte at a time.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

/// Bytes that are likely to mean something to the reader.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling = prop::sample::select(b"\"\"';;,\t|\n\r\n\0 =ab1\xC3\xA9\xE9\xFF\xFE\xEF\xBB\xBF".to_vec());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        prop::collection::vec(telling.clone(), 0..400),
        prop::collection::vec(telling, 0..300).prop_map(|tail| [b"nom;ville\n".to_vec(), tail].concat()),
        prop::collection::vec("[a-z\"; é]{0,9}", 0..40).prop_map(|lines| utf16(&lines.join("\n"), u16::to_le_bytes)),
    ]
}

fn check_whole(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(mut reader) = Reader::open(bytes, &options()) else {
        prop_assert!(Reader::open(Drip(bytes), &options()).is_err());
        return Ok(());
    };
    let mut dripping = Reader::open(Drip(bytes), &options()).expect("the same bytes");
    let (mut line, mut number) = (0, 0);
    let columns = reader.columns().len();
    for row in reader.by_ref() {
        number += 1;
        prop_assert!(number <= bytes.len() as u64);
        let (at, counted) = match &row {
            Ok(row) => {
                prop_assert!(row.cells.len() >= columns && row.cells.len() <= COLUMNS.max(columns));
                (row.line, row.number)
            }
            Err(RowError::Broken(broken)) => {
                prop_assert!(broken.last_line >= broken.line && broken.text.len() <= 1_200);
                (broken.line, broken.number)
            }
            Err(RowError::Source(error)) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert!(at > line, "line {at} after line {line}");
        prop_assert_eq!(counted, number);
        line = at;
        prop_assert_eq!(format!("{row:?}"), format!("{:?}", dripping.next().expect("the same bytes")));
    }
    prop_assert!(dripping.next().is_none());
    prop_assert_eq!(reader.warnings(), dripping.warnings());
    Ok(())
}

/// As many inputs as `PROPTEST_CASES` says, 2,000 without it.
#[expect(clippy::disallowed_methods, reason = "the number of cases is the test runner's to say")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_bytes_make_the_reader_panic_or_lose_count(bytes in bytes()) {
        check_whole(&bytes)?;
    }

    #[test]
    fn what_a_writer_quotes_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-zé\"';,\t|\n\r =+-]{0,12}", 3), 1..20),
        delimiter in prop::sample::select(vec![Delimiter::COMMA, Delimiter::SEMICOLON, Delimiter::TAB, Delimiter::PIPE]),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter.byte())
            .quote_style(csv::QuoteStyle::Always)
            .from_writer(Vec::new());
        writer.write_record(["nom", "ville", "pays"]).expect("memory takes it");
        let mut expected = Vec::new();
        for row in &rows {
            let safe: Vec<_> = row.iter().map(|cell| spreadsheet_safe(cell).into_owned()).collect();
            writer.write_record(&safe).expect("memory takes it");
            if safe.iter().any(|cell| !cell.trim().is_empty()) {
                expected.push(row.clone());
            }
        }
        let bytes = writer.into_inner().expect("memory takes it");
        let given = Options { delimiter: Some(delimiter), ..options() };
        let found: Vec<Vec<String>> = Reader::open(bytes.as_slice(), &given)
            .expect("the header is there")
            .map(|row| row.map(|row| row.cells))
            .collect::<Result<_, _>>()
            .expect("every row is good");
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn an_apostrophe_put_on_comes_off(cell in "['=+@a\t\r-]{0,6}") {
        let safe = spreadsheet_safe(&cell);
        prop_assert!(!safe.starts_with(['=', '+', '-', '@', '\t', '\r']));
        prop_assert_eq!(spreadsheet_plain(&safe), cell.as_str());
    }
}
