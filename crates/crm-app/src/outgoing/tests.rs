use std::{
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use ureq::unversioned::transport::ConnectionDetails;

use super::*;

/// Notes what would be connected to, and lets the connection be made.
#[derive(Clone, Debug, Default)]
struct Watch(Arc<AtomicUsize>);

impl Connector<()> for Watch {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<()>, ureq::Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(chained)
    }
}

/// Answers the first question about any name with the first list of addresses, the second with the second.
#[derive(Clone, Debug)]
struct Names {
    answers: Vec<Vec<SocketAddr>>,
    asked: Arc<Mutex<usize>>,
}

impl Names {
    fn meaning(answers: &[&[&str]]) -> Self {
        let addresses = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Self { answers: answers.iter().map(addresses).collect(), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Names {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = self.empty();
        for address in &self.answers[(*asked).min(self.answers.len() - 1)] {
            found.push(*address);
        }
        *asked += 1;
        Ok(found)
    }
}

fn settings() -> OutgoingSettings {
    OutgoingSettings { plain: Plain::Allowed, patience: Duration::from_secs(5), ..OutgoingSettings::default() }
}

fn on_loopback() -> OutgoingSettings {
    OutgoingSettings { reachable: Reachable::public_and(["127.0.0.1".parse().unwrap()]), ..settings() }
}

/// What comes of the address, and how many connections were tried. An address that cannot be taken is refused before.
fn outcome(text: &str, resolver: impl Resolver) -> (Result<Answered, DeliveryError>, usize) {
    let watch = Watch::default();
    let outgoing = Outgoing::with_parts(settings(), watch.clone(), resolver);
    let answer = match WebhookUrl::parse(text) {
        Ok(url) => outgoing.post(&url, &[], "{}"),
        Err(_) => Err(DeliveryError::Forbidden),
    };
    (answer, watch.0.load(Ordering::SeqCst))
}

/// IPv4 addresses that may not be reached, each in every way of writing it.
const SPECIAL: [[u8; 4]; 24] = [
    [0, 0, 0, 0],
    [0, 1, 2, 3],
    [10, 0, 0, 1],
    [10, 255, 255, 254],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [168, 63, 129, 16],
    [169, 254, 169, 254],
    [169, 254, 170, 2],
    [172, 16, 0, 1],
    [172, 31, 255, 254],
    [192, 0, 0, 8],
    [192, 0, 2, 1],
    [192, 88, 99, 1],
    [192, 168, 0, 1],
    [192, 168, 255, 254],
    [198, 18, 0, 1],
    [198, 51, 100, 1],
    [203, 0, 113, 1],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

fn written_in_many_ways(address: [u8; 4]) -> Vec<String> {
    let [a, b, c, d] = address;
    let (whole, tail) = (u32::from_be_bytes(address), u32::from_be_bytes([0, b, c, d]));
    let hosts = [
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{c}.{d}."),
        format!("{whole}"),
        format!("0x{whole:x}"),
        format!("0{whole:o}"),
        format!("{a}.{tail}"),
        format!("0x{a:x}.0{b:o}.{c}.0x{d:X}"),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
        format!("[2002:{a:x}{b:02x}:{c:x}{d:02x}::1]"),
        format!("[::{a}.{b}.{c}.{d}]"),
    ];
    hosts.map(|host| format!("http://{host}/")).to_vec()
}

#[test]
fn no_form_of_an_address_that_may_not_be_reached_makes_a_connection() {
    let mut forms: Vec<String> = SPECIAL.into_iter().flat_map(written_in_many_ways).collect();
    let more = [
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[fd00:ec2::254]/",
        "http://[ff02::1]/",
        "http://[2001::1]/",
        "http://[2001:db8::1]/",
        "http://[3fff::1]/",
        "http://[100::1]/",
        "http://[5f00::1]/",
        "http://[2a00:1450::5efe:7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST/",
        "http://localhost./",
        "https://localhost/",
        "https://127.0.0.1/",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1:8080/",
        "http://ann@8.8.8.8/",
        "http://ann:secret@8.8.8.8/",
        "http://8.8.8.8@127.0.0.1/",
        "http://8.8.8.8\\@127.0.0.1/",
        "http://8.8.8.8:25/",
        "http://8.8.8.8:22/",
        "http://8.8.8.8:6379/",
        "http://8.8.8.8/#fragment",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "dict://8.8.8.8:11211/",
        "unix:/run/docker.sock",
        "//8.8.8.8/",
        "8.8.8.8",
        "",
    ];
    forms.extend(more.map(str::to_owned));
    assert!(forms.len() >= 150, "only {} forms", forms.len());
    for form in &forms {
        let (answer, connections) = outcome(form, DefaultResolver::default());
        assert_eq!(connections, 0, "{form}");
        // Whether a name with a dot at its end is known at all is for the machine to say.
        let is_unknown = form.contains("localhost./") && answer.is_err();
        assert!(is_unknown || answer == Err(DeliveryError::Forbidden), "{form}: {answer:?}");
    }
    println!("{} forms", forms.len());
}

#[test]
fn a_name_that_means_any_address_that_may_not_be_reached_makes_no_connection() {
    for address in SPECIAL {
        let [a, b, c, d] = address;
        for means in [format!("{a}.{b}.{c}.{d}:80"), format!("[::ffff:{a}.{b}.{c}.{d}]:80")] {
            let alone = Names::meaning(&[&[&means]]);
            let answer = outcome("http://hooks.example.com/", alone);
            assert_eq!(answer, (Err(DeliveryError::Forbidden), 0), "{means}");
            // One that may be reached beside it changes nothing, wherever it stands.
            let beside = Names::meaning(&[&["8.8.8.8:80", &means]]);
            assert_eq!(outcome("http://hooks.example.com/", beside), (Err(DeliveryError::Forbidden), 0), "{means}");
        }
    }
}

#[test]
fn nothing_goes_over_a_plain_connection_where_that_is_refused() {
    let watch = Watch::default();
    let settings = OutgoingSettings { plain: Plain::Refused, ..settings() };
    let outgoing = Outgoing::with_parts(settings, watch.clone(), Names::meaning(&[&["8.8.8.8:80"]]));
    let url = WebhookUrl::parse("http://hooks.example.com/").unwrap();
    assert_eq!(outgoing.post(&url, &[], "{}"), Err(DeliveryError::Forbidden));
    assert_eq!(watch.0.load(Ordering::SeqCst), 0);
}

/// Answers every connection with these bytes, and tells how many there were.
fn server(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, number) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&number);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut stream: TcpStream = stream.unwrap();
            let mut head = [0; 4096];
            let _request = stream.read(&mut head);
            let _gone = stream.write_all(answer);
            if answer.ends_with(b"flood") {
                let water = vec![b'x'; 65_536];
                while stream.write_all(&water).is_ok() {}
            }
        }
    });
    (address, number)
}

#[test]
fn the_connection_goes_to_what_was_checked_whatever_the_name_means_a_moment_later() {
    let (good, reached) = server(b"HTTP/1.1 204 No Content\r\n\r\n");
    let (bad, rebound) = server(b"HTTP/1.1 204 No Content\r\n\r\n");
    let names = Names::meaning(&[&[&good.to_string()], &[&bad.to_string()]]);
    let outgoing = Outgoing::with_parts(on_loopback(), (), names.clone());
    let url = WebhookUrl::parse("http://hooks.example.com/").unwrap();
    assert_eq!(outgoing.post(&url, &[], "{}").map(|answer| answer.status), Ok(204));
    assert_eq!((names.asked(), reached.load(Ordering::SeqCst), rebound.load(Ordering::SeqCst)), (1, 1, 0));

    // Public when it was checked the first time, private the next time: the next request is checked anew.
    let names = Names::meaning(&[&[&good.to_string()], &["10.0.0.1:80"]]);
    let outgoing = Outgoing::with_parts(on_loopback(), (), names);
    assert!(outgoing.post(&url, &[], "{}").is_ok());
    assert_eq!(outgoing.post(&url, &[], "{}"), Err(DeliveryError::Forbidden));
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let (target, followed) = server(b"HTTP/1.1 204 No Content\r\n\r\n");
    let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{target}/\r\nContent-Length: 0\r\n\r\n");
    let (from, _) = server(answer.leak().as_bytes());
    let url = WebhookUrl::parse(&format!("http://{from}/")).unwrap();
    assert_eq!(Outgoing::new(on_loopback()).post(&url, &[], "{}").map(|answer| answer.status), Ok(307));
    assert_eq!(followed.load(Ordering::SeqCst), 0);
}

#[test]
fn of_an_answer_without_end_only_the_beginning_is_read() {
    let (flood, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nflood");
    let url = WebhookUrl::parse(&format!("http://{flood}/")).unwrap();
    let answer = Outgoing::new(on_loopback()).post(&url, &[], "{}").unwrap();
    assert_eq!((answer.status, answer.excerpt.len()), (200, 1024));
    assert!(answer.excerpt.starts_with("floodxxx"));
}

#[test]
fn an_excerpt_is_text_that_every_database_keeps() {
    assert_eq!(printable(b"a\0b\x1b[1mc\r\nd\xff"), "a b [1mc \nd\u{fffd}");
}

#[test]
fn what_is_asked_of_the_receiver_is_heard() {
    let (limited, _) = server(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 2\r\n\r\nno");
    let url = WebhookUrl::parse(&format!("http://{limited}/")).unwrap();
    let answer = Outgoing::new(on_loopback()).post(&url, &[("webhook-id", "x".to_owned())], "{}").unwrap();
    assert_eq!(answer, Answered { status: 429, retry_after: Some(17), excerpt: "no".to_owned() });
}
