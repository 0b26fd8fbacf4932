//! Passwords: which ones are taken, and how they are hashed without starving other work.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use crm_domain::{Invalid, values::fold};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{Error, app::blocking};

/// The shortest password, in characters.
pub const SHORTEST: usize = 15;

/// The longest password, in characters.
pub const LONGEST: usize = 128;

/// How much password hashing may go on: one hash takes 19 MiB and some 40 ms of one core.
#[derive(Clone, Copy, Debug)]
pub struct HashingSettings {
    /// How many hashes are computed at once.
    pub at_once: usize,
    /// How many more may wait; beyond that callers are told to come back.
    pub waiting: usize,
}

impl Default for HashingSettings {
    /// One for each two cores, so that the other half is left for everything else, and sixteen waiting for each: less than
    /// a second.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = (cores / 2).max(1);
        Self { at_once, waiting: 16 * at_once }
    }
}

/// Refuses what an attacker would try first; there are no rules of composition (NIST SP 800-63B, 3.1.1.2).
///
/// `known` is what else is known about the user: the address, the name.
pub fn check(password: &SecretString, known: &[&str]) -> Result<(), Invalid> {
    let password = password.expose_secret();
    let length = password.chars().count();
    let refuse = |code, detail: String| Err(Invalid::one("/password", code, detail));
    if !(SHORTEST..=LONGEST).contains(&length) {
        return refuse("length", format!("must have {SHORTEST} to {LONGEST} characters"));
    }
    if is_common(password, known) {
        return refuse(
            "common",
            "must not be made of common words, sequences, repetitions or one's own name".to_owned(),
        );
    }
    Ok(())
}

/// What people put into passwords before anything else: words, keyboard rows, sequences. Folded, without spaces.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "motdepasse",
    "passphrase",
    "passcode",
    "passw0rd",
    "p4ssword",
    "secret",
    "changeme",
    "letmein",
    "welcome",
    "bienvenue",
    "bonjour",
    "hello",
    "salut",
    "iloveyou",
    "jetaime",
    "jtm",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "princesse",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "starwars",
    "pokemon",
    "master",
    "shadow",
    "michael",
    "jordan",
    "jennifer",
    "charlie",
    "thomas",
    "nicolas",
    "julien",
    "marseille",
    "paris",
    "france",
    "london",
    "chocolat",
    "chocolate",
    "doudou",
    "loulou",
    "soleil",
    "coucou",
    "whatever",
    "trustno",
    "freedom",
    "computer",
    "internet",
    "admin",
    "administrator",
    "administrateur",
    "root",
    "user",
    "utilisateur",
    "guest",
    "test",
    "testing",
    "default",
    "demo",
    "temp",
    "login",
    "connexion",
    "access",
    "account",
    "compte",
    "server",
    "system",
    "windows",
    "google",
    "facebook",
    "crm",
    "example",
    "exemple",
    "company",
    "societe",
    "entreprise",
    "client",
    "finance",
    "money",
    "argent",
    "summer",
    "winter",
    "spring",
    "autumn",
    "ete",
    "hiver",
    "printemps",
    "automne",
    "monday",
    "january",
    "correct",
    "horse",
    "battery",
    "staple",
    "qwerty",
    "qwertyuiop",
    "azerty",
    "azertyuiop",
    "qwertz",
    "asdf",
    "asdfgh",
    "asdfghjkl",
    "qsdf",
    "qsdfghjklm",
    "zxcvbn",
    "zxcvbnm",
    "wxcvbn",
    "qazwsx",
    "aqwzsx",
    "1qaz2wsx",
    "1q2w3e4r5t",
    "1a2z3e4r5t",
    "abc",
    "abcdef",
    "abcdefghijklmnopqrstuvwxyz",
    "my",
    "mon",
    "the",
    "is",
    "this",
    "please",
    "new",
    "nouveau",
    "for",
    "your",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "love",
    "amour",
    "baby",
    "bebe",
    "angel",
    "ange",
];

/// Whether a password is nothing but common words, years, runs of neighbouring or equal characters, and what is known of the
/// user, with few characters beside them.
fn is_common(password: &str, known: &[&str]) -> bool {
    /// So many characters must be left when all that is guessed first has been taken out.
    const LEFT_OVER: usize = 6;
    let folded: Vec<char> = plain(password).chars().collect();
    let known: Vec<String> =
        known.iter().flat_map(|text| fold(text).split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let words: Vec<Vec<char>> = COMMON
        .iter()
        .map(|word| plain(word))
        .chain(known.iter().map(|word| plain(word)).filter(|word| word.chars().count() >= 3))
        .map(|word| word.chars().collect())
        .collect();
    if repeats(&folded) {
        return true;
    }
    // The fewest characters that no guess covers, from each place to the end.
    let mut uncovered = vec![0; folded.len() + 1];
    for at in (0..folded.len()).rev() {
        let rest = &folded[at..];
        let by_word = words.iter().filter(|word| rest.starts_with(word)).map(|word| uncovered[at + word.len()]).min();
        let by_year = rest.get(..4).filter(|year| is_year(year)).map(|_| uncovered[at + 4]);
        let by_run = (3..=run(rest)).map(|length| uncovered[at + length]).min();
        let single = 1 + uncovered[at + 1];
        uncovered[at] = by_word.into_iter().chain(by_year).chain(by_run).fold(single, usize::min);
    }
    uncovered[0] < LEFT_OVER
}

/// Folded, without spaces, with digits and signs that stand for letters put back.
fn plain(text: &str) -> String {
    let readable: String = text
        .chars()
        .map(|character| match character {
            '@' => 'a',
            '$' => 's',
            '€' => 'e',
            '!' => 'i',
            other => other,
        })
        .collect();
    fold(&readable).replace(' ', "")
}

/// Whether the text is one part of at most a third of its length, again and again.
fn repeats(text: &[char]) -> bool {
    (1..=text.len() / 3).any(|length| text.chunks(length).all(|chunk| text.starts_with(chunk)))
}

/// Whether four characters are a year of this century or the last.
fn is_year(text: &[char]) -> bool {
    matches!(text, ['1', '9', ..] | ['2', '0', ..]) && text.iter().all(char::is_ascii_digit)
}

/// How long the text begins with a run of equal or neighbouring characters, such as `aaaa`, `1234` or `fedc`.
fn run(text: &[char]) -> usize {
    let step = |pair: &[char]| i64::from(u32::from(pair[1])) - i64::from(u32::from(pair[0]));
    let Some(first) = text.windows(2).next().map(step).filter(|step| step.abs() <= 1) else {
        return text.len().min(1);
    };
    1 + text.windows(2).take_while(|pair| step(pair) == first || (pair[0] == '9' && pair[1] == '0')).count()
}

/// The bounded queue of password hashing.
#[derive(Debug)]
pub(crate) struct Hashing {
    permits: Arc<Semaphore>,
    present: Arc<AtomicUsize>,
    most: usize,
}

/// One place in the queue, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hashing {
    pub(crate) fn new(settings: HashingSettings) -> Self {
        let at_once = settings.at_once.max(1);
        Self { permits: Arc::new(Semaphore::new(at_once)), present: Arc::default(), most: at_once + settings.waiting }
    }

    /// The hash of a password, as a PHC string: argon2id, 19 MiB, two passes, one lane.
    pub(crate) async fn hash(&self, password: SecretString) -> Result<String, Error> {
        self.run(self.place()?, move || hash(&password)).await
    }

    /// Whether it is the password of the hash, at a place that the caller has taken before. Without a hash a password that
    /// nobody has is checked against the hash of another, so that the time taken does not tell whether there is such a user.
    pub(crate) async fn verify(
        &self,
        place: Place,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        self.run(place, move || {
            let checked = hash.as_deref().unwrap_or(DECOY);
            let matches = Argon2::default().verify_password(password.expose_secret().as_bytes(), checked).is_ok();
            Ok(matches && hash.is_some())
        })
        .await
    }

    /// How many hashes are computed or wait.
    pub(crate) fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// A place in the queue, unless it is full: then nothing else need be done either.
    pub(crate) fn place(&self) -> Result<Place, Error> {
        let before = self.present.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.present));
        if before >= self.most {
            return Err(Error::TooManyAttempts { retry_after_seconds: Error::RETRY_AFTER_SECONDS });
        }
        Ok(place)
    }

    async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Error::internal)?;
        blocking(move || {
            let _until_done = (place, permit);
            work()
        })
        .await
    }
}

/// Hashes on this very thread, for commands.
pub(crate) fn hash(password: &SecretString) -> Result<String, Error> {
    let hashed = Argon2::default().hash_password(password.expose_secret().as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(Error::internal)
}

/// Whether a hash was made with less memory, passes or lanes than one of now would be.
pub(crate) fn is_outdated(hash: &str) -> bool {
    let costs = |hash: &str| -> Option<[u64; 3]> {
        let parameters = hash.split('$').nth(3)?;
        let cost = |name: &str| parameters.split(',').find_map(|one| one.strip_prefix(name)?.parse().ok());
        Some([cost("m=")?, cost("t=")?, cost("p=")?])
    };
    // A hash that cannot be read as one of these is of an older kind.
    let (stored, now) = (costs(hash).unwrap_or_default(), costs(DECOY).expect("the decoy has its parameters"));
    stored.iter().zip(now).any(|(stored, now)| *stored < now)
}

/// Without characters that are taken for one another.
pub(crate) const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A password that nobody knows yet: six groups of four out of 32 characters, 120 random bits. No token looks like it.
pub fn random() -> Result<SecretString, Error> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    let group = |bytes: &[u8]| bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    let groups: Vec<String> = bytes.chunks(4).map(group).collect();
    Ok(groups.join("-").into())
}

/// The hash of random bytes that nobody keeps, with the parameters of [`hash`].
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$pVKYkCcFpF8AXK6uVKnj2A$163RczgtOJlbPGO2egJgGswSAh3CVYt+GfAz86Za4QE";

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> Option<&'static str> {
        let known = ["jean.exemple@societe-exemple.fr", "Jean Exemple"];
        check(&SecretString::from(password), &known).err().map(|invalid| invalid.errors[0].code)
    }

    #[test]
    fn passwords_have_fifteen_to_a_hundred_and_twenty_eight_characters() {
        assert_eq!(code("short"), Some("length"));
        assert_eq!(code("kx7 vg2 mq9 ré"), Some("length"));
        assert_eq!(code("kx7 vg2 mq9 rép"), None);
        let long: String = (0..129).map(|at| char::from(b"kxvgmqrwzt"[at * at % 10])).collect();
        assert_eq!(code(&long), Some("length"));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for password in [
            "passwordpassword",
            "Motdepasse123456",
            "P@ssword1234567890",
            "aaaaaaaaaaaaaaaa",
            "abcabcabcabcabc",
            "xk7xk7xk7xk7xk7",
            "123456789012345",
            "qwertyuiopasdfgh",
            "azertyuiopqsdfghjklm",
            "iloveyouiloveyou!",
            "jeanexemple2026!",
            "correct horse battery staple",
            "abcdefghijklmnop",
            "987654321987654",
            "Welcome-to-2026",
        ] {
            assert_eq!(code(password), Some("common"), "{password}");
        }
    }

    #[test]
    fn what_is_not_guessed_first_is_taken() {
        for password in [
            "tamarin violet sous la pluie",
            "Gx4#pL9w!Rz2qTv",
            "vieux phare et trois goélands",
            "wobble lantern ticket fjord",
        ] {
            assert_eq!(code(password), None, "{password}");
        }
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let real = hash(&SecretString::from("any")).expect("hashing works");
        let parameters = |hash: &str| hash.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(parameters(DECOY), parameters(&real));
        assert_eq!(parameters(DECOY)[3], "m=19456,t=2,p=1");
        assert_eq!(DECOY.len(), real.len());
    }

    #[test]
    fn a_hash_with_lower_parameters_is_outdated() {
        let with = |parameters: &str| format!("$argon2id$v=19${parameters}$c2FsdHNhbHQ$aGFzaA");
        assert!(is_outdated(&with("m=19455,t=2,p=1")) && is_outdated(&with("m=65536,t=1,p=1")));
        assert!(is_outdated("$2b$12$abcdefghijklmnopqrstuv") && is_outdated("hash"));
        assert!(!is_outdated(&with("m=19456,t=2,p=1")) && !is_outdated(&with("m=65536,t=3,p=4")));
        assert!(!is_outdated(DECOY));
    }

    #[test]
    fn a_random_password_keeps_the_rules_and_has_a_shape_of_its_own() {
        let (one, other) = (random().expect("random bits"), random().expect("random bits"));
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(check(&one, &[]).is_ok() && one.expose_secret().split('-').all(|group| group.len() == 4));
        assert!(!one.expose_secret().starts_with("crm_"));
    }

    #[tokio::test]
    async fn surplus_hashing_is_turned_away() {
        let hashing = Hashing::new(HashingSettings { at_once: 1, waiting: 0 });
        let password = || SecretString::from("any");
        let place = || hashing.place().expect("the queue is empty again");
        let (first, second) = tokio::join!(hashing.hash(password()), hashing.hash(password()));
        let hash = first.expect("the first has its turn");
        assert!(matches!(second, Err(Error::TooManyAttempts { .. })));
        assert!(hashing.verify(place(), password(), Some(hash)).await.expect("the queue is empty again"));
        assert!(!hashing.verify(place(), password(), None).await.expect("the queue is empty again"));
    }
}
