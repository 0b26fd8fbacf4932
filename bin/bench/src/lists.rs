//! Reading requests of a running server: one client, one request after the other, over one connection.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::{
    io::Read,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    failure::Failure,
    table::{self, Samples},
};

/// What to ask and how often.
#[derive(Debug, clap::Args)]
pub struct Lists {
    /// Where the server answers, for example `http://127.0.0.1:8080`.
    #[arg(long)]
    url: String,
    /// Who asks.
    #[arg(long)]
    email: String,
    /// How often each request is timed.
    #[arg(short, long, default_value_t = 101)]
    n: usize,
    /// How many rows lie before the deep page; 0 leaves it out.
    #[arg(long, default_value_t = 500_000)]
    deep: u32,
    /// Only the requests whose name has this in it.
    #[arg(long)]
    only: Option<String>,
}

/// Requests that need nothing but a name: what they are called, and their path.
const PLAIN: [(&str, &str); 39] = [
    ("first page, newest", "/organisations"),
    ("first page, by name", "/organisations?sort=name"),
    ("first page of people", "/people"),
    ("first page of people, by name", "/people?sort=last_name,first_name"),
    ("filtered, two fields", "/organisations?country_code=FR&pipeline_stage=proposal"),
    ("filtered, an amount", "/organisations?aum.gte=1000000&sort=-aum"),
    ("filtered, a part of a city", "/organisations?city.contains=lyo&pipeline_stage.in=lead,prospect"),
    ("filtered, a tag", "/organisations?tags.any=vip,esg&sort=name"),
    ("q, rare", "/organisations?q=granite%20brum"),
    ("q, frequent", "/organisations?q=gestion"),
    ("q, frequent, by name", "/organisations?q=gestion&sort=name"),
    ("q, two words", "/people?q=anne%20mar"),
    ("q, nothing", "/people?q=zzyzx"),
    ("search, nothing", "/search?q=zzyzx"),
    ("search, rare", "/search?q=granite%20brum"),
    ("search, a rare start", "/search?q=sylvestre"),
    ("search, frequent in names", "/search?q=gestion"),
    ("search, frequent elsewhere", "/search?q=example"),
    ("search, a city", "/search?q=lyon"),
    ("search, three letters", "/search?q=mar"),
    ("search, two letters", "/search?q=an"),
    ("search, two words", "/search?q=anne%20mar"),
    ("search, two words turned round", "/search?q=martin%20anne"),
    ("search, a name and a city", "/search?q=capital%20paris"),
    ("my tasks", "/tasks?assignee_id=me"),
    ("my open tasks, by due", "/tasks?assignee_id=me&status.in=todo,doing&sort=due_at"),
    ("my team's tasks", "/tasks?team_id=mine"),
    ("my team's open tasks, by due", "/tasks?team_id=mine&status.in=todo,doing&sort=due_at"),
    ("overdue tasks", "/tasks?status.in=todo,doing&due_at.lt=2026-11-01T00:00:00Z&sort=due_at"),
    ("interactions, newest", "/interactions?sort=-occurred_at"),
    ("mandates, newest", "/mandates"),
    ("figures of the pipeline", "/figures/pipeline"),
    ("figures of the pipeline, one country", "/figures/pipeline?country_code=FR"),
    ("figures of mandates", "/figures/mandates"),
    ("figures of interactions", "/figures/interactions"),
    ("figures of tasks", "/figures/tasks"),
    ("figures of my tasks", "/figures/tasks?assignee_id=me"),
    ("figures of my team's tasks", "/figures/tasks?team_id=mine"),
    ("statistics of organisations", "/organisations/stats"),
];

impl Lists {
    /// Prints the table.
    pub fn run(&self) -> Result<(), Failure> {
        let client = Client::sign_in(&self.url, &self.email)?;
        let mut requests: Vec<(String, String)> =
            PLAIN.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        requests.extend(client.of_records()?);
        if let Some(only) = &self.only {
            requests.retain(|(name, _)| name.contains(only.as_str()));
        }
        if self.deep > 0 && self.only.as_ref().is_none_or(|only| "deep".contains(only.as_str())) {
            for path in ["/organisations?sort=-created_at", "/organisations?sort=name", "/people?sort=-created_at"] {
                let cursor = client.walk(path, self.deep)?;
                requests.push((format!("deep: {path} after {} rows", self.deep), format!("{path}&cursor={cursor}")));
            }
        }
        table::head("request");
        for (name, path) in requests {
            match client.times(&path, self.n) {
                Ok(samples) => table::row(&name, &samples),
                Err(failure) => table::line(&[&name, "0", &failure.to_string(), ""]),
            }
        }
        Ok(())
    }
}

/// Somebody who has signed in.
struct Client {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Client {
    /// Signs in with the password on standard input.
    fn sign_in(url: &str, email: &str) -> Result<Self, Failure> {
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password)?;
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        let base = format!("{}/api/v1", url.trim_end_matches('/'));
        let address = format!("{base}/auth/login");
        let body = json!({"email": email, "password": password.trim_end()});
        let answer = agent.post(&address).send_json(body);
        let (answer, _) = read(&address, answer)?;
        let token = text(&address, &answer, "access_token")?;
        Ok(Self { agent, base, token })
    }

    /// The answer, and how long it took to its last byte.
    fn get(&self, path: &str) -> Result<(Value, Duration), Failure> {
        let address = format!("{}{path}", self.base);
        let begun = Instant::now();
        let answer = self.agent.get(&address).header("Authorization", format!("Bearer {}", self.token)).call();
        let (answer, ended) = read(&address, answer)?;
        Ok((answer, ended.duration_since(begun)))
    }

    /// The first answer is not counted: it finds nothing prepared, neither plans nor pages.
    fn times(&self, path: &str, n: usize) -> Result<Samples, Failure> {
        self.get(path)?;
        let mut samples = Samples::default();
        for _ in 0..n {
            samples.push(self.get(path)?.1);
        }
        Ok(samples)
    }

    /// The cursor after at least so many rows.
    fn walk(&self, path: &str, rows: u32) -> Result<String, Failure> {
        let (mut cursor, mut seen) = (String::new(), 0);
        while seen < rows {
            let next = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
            let (page, _) = self.get(&format!("{path}&limit=200{next}"))?;
            cursor = text(path, &page, "next_cursor")?;
            seen += 200;
        }
        Ok(cursor)
    }

    /// Requests about one record or the other: those that the newest interaction speaks of.
    fn of_records(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut requests = Vec::new();
        let (page, _) = self.get("/interactions?sort=-occurred_at&limit=200")?;
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = items.iter().find_map(|item| item["organisation_id"].as_str()) {
            for (name, rest) in
                [("", ""), (" timeline", "/timeline"), ("'s people", "/people"), (" history", "/history")]
            {
                requests.push((format!("an organisation{name}"), format!("/organisations/{id}{rest}")));
            }
            requests.push((
                "an organisation's interactions".into(),
                format!("/interactions?organisation_id={id}&sort=-occurred_at"),
            ));
        }
        if let Some(id) = items.iter().find_map(|item| item["participant_people"][0].as_str()) {
            for (name, rest) in [("", ""), (" timeline", "/timeline"), ("'s organisations", "/organisations")] {
                requests.push((format!("a person{name}"), format!("/people/{id}{rest}")));
            }
        }
        Ok(requests)
    }
}

/// The body of a good answer, and when it had come.
fn read(
    address: &str,
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<(Value, Instant), Failure> {
    let unreachable = |error| Failure::Unreachable { address: address.to_owned(), error };
    let mut answer = answer.map_err(unreachable)?;
    let body = answer.body_mut().read_to_string().map_err(unreachable)?;
    let ended = Instant::now();
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(Failure::Refused { address: address.to_owned(), status, body });
    }
    let value =
        serde_json::from_str(&body).map_err(|_| Failure::Lacks { address: address.to_owned(), what: "JSON" })?;
    Ok((value, ended))
}

fn text(address: &str, answer: &Value, what: &'static str) -> Result<String, Failure> {
    answer[what].as_str().map(str::to_owned).ok_or_else(|| Failure::Lacks { address: address.to_owned(), what })
}
