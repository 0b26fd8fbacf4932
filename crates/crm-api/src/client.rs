//! Where a request comes from: the address of the client, through the proxies that are trusted and no others.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderName},
    middleware::Next,
    web::Data,
};
use crm_domain::values::Network;
use crm_monitoring::ClientAddress;

use crate::ApiSettings;

/// Finds out where a request comes from, for the limits, the sessions and the log.
pub(crate) async fn located<B: MessageBody>(
    settings: Data<ApiSettings>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(peer) = request.peer_addr() {
        let address = client(peer.ip(), request.headers(), &settings.trusted_proxies);
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.call(request).await
}

/// The address of the client.
///
/// Each proxy writes down whom it heard the request from, at the end of what is there already. So the way is walked from
/// its end, and the first hop that is no proxy of ours is the client: whatever stands before it may be invented. A proxy
/// adds to one of the two headers and hands the other on as it came; so where they do not agree neither is believed.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_ours = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_ours(peer) {
        return peer;
    }
    let walk = |hops: Vec<Option<IpAddr>>| {
        let mut last = peer;
        for hop in hops.into_iter().rev() {
            // What is no address ends the way: the proxy that wrote it is the last that is known.
            let Some(hop) = hop else { return last };
            last = hop.to_canonical();
            if !is_ours(last) {
                return last;
            }
        }
        last
    };
    let by_name = elements(headers, &header::X_FORWARDED_FOR).map(|hops| hops.iter().map(|hop| address(hop)).collect());
    let by_standard = elements(headers, &header::FORWARDED).map(|hops| hops.iter().map(|hop| for_of(hop)).collect());
    match (by_name.map(walk), by_standard.map(walk)) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => peer,
    }
}

/// The parts of a list that may stand in several lines; none where there is no such header.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut found = None;
    for line in headers.get_all(name) {
        let parts = found.get_or_insert_with(Vec::new);
        // A line that is no text is a hop that nobody can read.
        let text = line.to_str().unwrap_or("unreadable");
        parts.extend(text.split(',').map(|part| part.trim().to_owned()));
    }
    found
}

/// The `for` of one element of `Forwarded` (RFC 7239): an address, perhaps with a port, perhaps in quotes.
fn for_of(element: &str) -> Option<IpAddr> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
    address(value.trim_matches('"'))
}

/// An address, perhaps with a port; IPv6 perhaps in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Our proxies have `10.0.0.0/8` and `fd00::/8`.
    fn found(peer: &str, lines: &[(&str, &str)]) -> String {
        let trusted: Vec<Network> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into();
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header(*line);
        }
        client(peer.parse().unwrap(), request.to_http_request().headers(), &trusted).to_string()
    }

    const NAMED: &str = "X-Forwarded-For";

    #[test]
    fn headers_of_strangers_are_not_believed() {
        assert_eq!(found("192.0.2.1", &[(NAMED, "198.51.100.7")]), "192.0.2.1");
        assert_eq!(found("192.0.2.1", &[("Forwarded", "for=198.51.100.7")]), "192.0.2.1");
        assert_eq!(found("192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_of_ours_is_the_client() {
        for (list, client) in [
            ("198.51.100.7", "198.51.100.7"),
            ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.9.9.9, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
            ("10.2.2.2,10.1.1.1", "10.2.2.2"),
            ("198.51.100.7:4711", "198.51.100.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("198.51.100.7, nonsense, 10.1.1.1", "10.1.1.1"),
            ("198.51.100.7, unknown", "10.0.0.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", &[(NAMED, list)]), client, "{list}");
        }
        assert_eq!(found("::ffff:10.0.0.1", &[(NAMED, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(found("fd00::1", &[(NAMED, "198.51.100.7")]), "198.51.100.7");
    }

    #[test]
    fn lines_of_one_header_are_one_list() {
        let lines = [(NAMED, "203.0.113.9"), (NAMED, "198.51.100.7, 10.1.1.1")];
        assert_eq!(found("10.0.0.1", &lines), "198.51.100.7");
    }

    #[test]
    fn the_header_of_the_standard_is_read_as_well() {
        for (list, client) in [
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=\"198.51.100.7:80\";proto=https;by=10.0.0.1", "198.51.100.7"),
            ("for=203.0.113.9, for=\"[2001:db8::7]:80\", for=10.1.1.1", "2001:db8::7"),
            ("for=198.51.100.7, for=_hidden", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
        ] {
            assert_eq!(found("10.0.0.1", &[("Forwarded", list)]), client, "{list}");
        }
    }

    #[test]
    fn headers_that_do_not_agree_are_not_believed() {
        let of = |standard: &str| found("10.0.0.1", &[(NAMED, "198.51.100.7"), ("Forwarded", standard)]);
        assert_eq!(of("for=198.51.100.7"), "198.51.100.7");
        assert_eq!(of("for=203.0.113.9"), "10.0.0.1");
    }
}
