//! Codes that change every thirty seconds (TOTP, RFC 6238), and recovery codes for the day on which the telephone is lost.

use crm_domain::values::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::{Error, password::ALPHABET};

/// How many recovery codes somebody gets.
pub const RECOVERY_CODES: usize = 10;

/// The characters of a recovery code: 16 out of 32, 80 random bits.
const RECOVERY_LENGTH: usize = 16;

/// What authenticator programs show above the code.
const ISSUER: &str = "CRM";

/// The bytes of a new secret: 160 bits, as RFC 4226 recommends.
pub(crate) fn new_secret() -> Result<[u8; 20], Error> {
    let mut bits = [0; 20];
    getrandom::fill(&mut bits).map_err(Error::internal)?;
    Ok(bits)
}

/// The secret as people type it, and the address that authenticator programs read.
pub(crate) fn shown(secret: &[u8], account: &str) -> Result<(SecretString, SecretString), Error> {
    let builder = builder(secret).with_account_name(account).with_issuer(Some(ISSUER));
    let totp = builder.build().map_err(Error::internal)?;
    let uri = totp.to_url().map_err(Error::internal)?;
    Ok((totp.secret().to_base32().into(), uri.into()))
}

/// The step whose code it is: that of now, the one before or the one after, for clocks that are not quite right.
pub(crate) fn step_of(secret: &[u8], code: &SecretString, now: Timestamp) -> Option<i64> {
    let seconds = u64::try_from(now.micros() / 1_000_000).ok()?;
    let code = code.expose_secret();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let totp: Totp = builder(secret).with_account_name("account").build().ok()?;
    i64::try_from(totp.check(code, seconds)?).ok()
}

fn builder(secret: &[u8]) -> Builder {
    // SHA-1, because many programs know nothing else; its weakness is none where it is keyed (RFC 6238, section 1.2).
    let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_skew(1);
    builder.with_secret(Secret::new(secret.into()))
}

/// A new set of recovery codes, and their hashes.
pub(crate) fn recovery_codes() -> Result<(Vec<SecretString>, Vec<[u8; 32]>), Error> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut hashes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let mut bytes = [0; RECOVERY_LENGTH];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        let code = SecretString::from(groups.join("-"));
        hashes.extend(recovery_hash(&code));
        codes.push(code);
    }
    Ok((codes, hashes))
}

/// The hash of a recovery code, however it is written; none for what has not the shape of one. A plain hash is enough: there
/// is nothing to guess in 80 random bits.
pub(crate) fn recovery_hash(code: &SecretString) -> Option<[u8; 32]> {
    let plain: String = code.expose_secret().chars().filter(|one| !matches!(one, '-' | ' ')).collect();
    let plain = plain.to_ascii_lowercase();
    let is_one = plain.len() == RECOVERY_LENGTH && plain.bytes().all(|byte| ALPHABET.contains(&byte));
    is_one.then(|| Sha256::digest(plain.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret and the times of RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn step(code: &str, seconds: i64) -> Option<i64> {
        step_of(SECRET, &code.into(), at(seconds))
    }

    #[test]
    fn the_vectors_of_the_standard_are_met() {
        // The last six of the eight digits that the standard shows.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step(code, seconds), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_holds_for_its_step_and_the_ones_beside_it() {
        for (seconds, expected) in
            [(29, None), (30, Some(2)), (60, Some(2)), (89, Some(2)), (119, Some(2)), (120, None)]
        {
            // 359152 is the code of step 2 (60 to 89 seconds).
            assert_eq!(step("359152", seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_code_of_six_digits_is_refused() {
        for wrong in ["", "28708", "2870822", " 287082", "28708x", "28 7082", "+87082", "٢٨٧٠٨٢"] {
            assert_eq!(step(wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn the_address_for_programs_names_issuer_and_account() {
        let (secret, uri) = shown(SECRET, "ann@example.com").unwrap();
        assert_eq!(secret.expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let expected = "otpauth://totp/CRM:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=CRM";
        assert_eq!(uri.expose_secret(), expected);
    }

    #[test]
    fn recovery_codes_are_ten_different_ones_however_they_are_written() {
        let (codes, hashes) = recovery_codes().unwrap();
        assert_eq!((codes.len(), hashes.len()), (10, 10));
        let distinct: std::collections::HashSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), 10);
        let text = codes[0].expose_secret();
        assert_eq!((text.len(), text.matches('-').count()), (19, 3));
        for written in [text.to_uppercase(), text.replace('-', ""), text.replace('-', " ")] {
            assert_eq!(recovery_hash(&written.into()), Some(hashes[0]));
        }
        for wrong in ["", "287082", "aaaa-aaaa-aaaa-aaa", "aaaa-aaaa-aaaa-aaaaa", "aaaa-aaaa-aaaa-aaa0"] {
            assert_eq!(recovery_hash(&wrong.into()), None, "{wrong}");
        }
    }
}
