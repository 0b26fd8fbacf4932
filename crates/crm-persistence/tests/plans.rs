//! Every query of a list, a timeline and a figure on tables of some size: its plan walks an index, whatever it is sorted and
//! filtered by.

#![allow(clippy::unwrap_used, clippy::match_bool)] // A test may fail loudly; two spellings of SQL stand side by side.

use crm_domain::{
    InteractionField, MandateField, OrganisationField, PersonField, ProductField, SearchType, TaskField, TeamId,
    UserId,
    access::{Actor, BuiltInRole, Grant, Guarded, Read, policy},
    query::{FieldSet, Kind, ListQuery, Operator, Page},
    values::{Timestamp, parse_date},
};
use crm_persistence::{
    ReadTx, StoreError, figures, interactions, mandates, organisations, people, products, tasks,
    timeline::{self, Subject, TimelineGrants},
};
use crm_testkit::{TestDatabase, on_each_database};
use strum::VariantArray;

/// Rows of each table. Below some thousand rows a planner rightly reads the whole table.
const ROWS: u32 = 40_000;

/// Fills both tables by one statement each. Values repeat as they would in a firm: few countries, many cities.
#[allow(clippy::too_many_lines, reason = "one statement for each table, side by side")]
fn fill(test: &TestDatabase) {
    let sqlite = test.name() == "sqlite";
    let rows = if sqlite {
        format!(
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) SELECT i FROM n) AS n"
        )
    } else {
        format!("generate_series(1, {ROWS}) AS n(i)")
    };
    let id = |mark: &str| match sqlite {
        true => format!("CAST(printf('{mark}%015d', i) AS BLOB)"),
        false => format!("CAST(md5('{mark}' || i) AS uuid)"),
    };
    let user =
        if sqlite { "X'00000000000000000000000000000007'" } else { "'00000000-0000-0000-0000-000000000007'::uuid" };
    let team =
        if sqlite { "X'00000000000000000000000000000009'" } else { "'00000000-0000-0000-0000-000000000009'::uuid" };
    let role =
        if sqlite { "X'00000000000070008000000000000003'" } else { "'00000000-0000-7000-8000-000000000003'::uuid" };
    let time = |offset: &str| match sqlite {
        true => format!("1767225600000000 + ({offset}) * 1000000"),
        false => format!("TIMESTAMPTZ '2026-01-01T00:00:00Z' + ({offset}) * INTERVAL '1 second'"),
    };
    let date = |days: &str| match sqlite {
        true => format!("date('2026-01-01', '+' || ({days}) || ' days')"),
        false => format!("DATE '2026-01-01' + ({days})"),
    };
    let flag = |condition: &str| match sqlite {
        true => format!("({condition}) + 0"),
        false => format!("({condition})"),
    };
    let (none, vip) = match sqlite {
        true => ("'[]'", "'[\"vip\"]'"),
        false => ("'[]'::jsonb", "'[\"vip\"]'::jsonb"),
    };
    let (now, one) = (time("0"), flag("1 = 1"));
    test.execute(&format!(
        "INSERT INTO teams (id, name, name_key, version, created_at, updated_at) VALUES ({team}, 'One', 'one', 1, {now}, {now});
         INSERT INTO users (id, email, email_key, name, role_id, locale, is_active, team_id, version, created_at, updated_at)
           VALUES ({user}, 'u@example.com', 'u@example.com', 'U', {role}, 'en', {one}, {team}, 1, {now}, {now});
         INSERT INTO organisations (id, name, name_key, type, category, language, domicile, email, phone, city, city_key, postal_code, country_code, aum,
             aum_date, strategies, tags, lei, registration_number, licence_number, pipeline_stage, potential_amount, currency,
             signature_probability, signature_date, is_active, search_text, version, owner_id, team_id, created_at, created_by,
             updated_at, updated_by)
           SELECT {id}, 'Name ' || i, 'name ' || i, {kind}, {category}, {language}, {domicile}, 'a' || i || '@example.com', '+3315' || (1000000 + i),
             'Ville ' || (i % 900), 'ville ' || (i % 900), (10000 + i % 5000) || '',
             CASE i % 5 WHEN 0 THEN 'FR' WHEN 1 THEN 'LU' WHEN 2 THEN 'DE' WHEN 3 THEN 'IT' END,
             CASE WHEN i % 3 = 0 THEN i * 100 END, {date}, CASE WHEN i % 3 = 0 THEN {vip} ELSE {none} END,
             CASE WHEN i % 400 = 0 THEN {vip} ELSE {none} END,
             {lei}, 'R' || i, 'L' || i, CASE i % 3 WHEN 0 THEN 'lead' WHEN 1 THEN 'prospect' ELSE 'signed' END, i, {currency}, i % 101,
             CASE WHEN i % 2 = 0 THEN {date} END, {active}, ' name ' || i || ' ville ' || (i % 900), 1,
             CASE WHEN i % 300 = 0 THEN {user} END, CASE WHEN i % 200 = 0 THEN {team} END, {created}, CASE WHEN i % 250 = 0 THEN {user} END,
             {updated}, CASE WHEN i % 5 = 0 THEN {user} END
           FROM {rows};",
        id = id("o"),
        date = date("i % 700"),
        lei = if sqlite { "printf('%020d', i)" } else { "lpad(i::text, 20, '0')" },
        kind = "CASE i % 3 WHEN 0 THEN 'client' WHEN 1 THEN 'investor' END",
        category = "CASE i % 4 WHEN 0 THEN 'institution' WHEN 1 THEN 'wholesale' END",
        language = "CASE i % 3 WHEN 0 THEN 'fr' WHEN 1 THEN 'en' END",
        domicile = "CASE i % 5 WHEN 0 THEN 'LU' WHEN 1 THEN 'IE' END",
        currency = "CASE WHEN i % 6 = 0 THEN 'USD' ELSE 'EUR' END",
        active = flag("i % 10 > 0"),
        created = time("i"),
        updated = time("i * 7 % 40009"),
    ));
    test.execute(&format!(
        "INSERT INTO people (id, first_name, first_name_key, last_name, last_name_key, full_name_key, email, email_key,
             personal_email, phone, mobile, job_title, country_code, language, tags, is_active, consent, consent_date, search_text, version,
             owner_id, team_id, created_at, updated_at, updated_by)
           SELECT {id}, 'First ' || (i % 700), 'first ' || (i % 700), 'Last ' || i, 'last ' || i,
             'first ' || (i % 700) || ' last ' || i, 'p' || i || '@example.com', 'p' || i || '@example.com',
             'q' || i || '@example.com', '+3316' || (1000000 + i), '+3366' || (1000000 + i), 'Title ' || (i % 3000),
             CASE i % 3 WHEN 0 THEN 'FR' WHEN 1 THEN 'LU' END, CASE i % 3 WHEN 0 THEN 'fr' WHEN 1 THEN 'en' END,
             {none}, {active}, {active}, {date}, ' first ' || (i % 700) || ' last ' || i, 1,
             CASE WHEN i % 300 = 0 THEN {user} END, CASE WHEN i % 200 = 0 THEN {team} END, {created}, {updated},
             CASE WHEN i % 5 = 0 THEN {user} END
           FROM {rows};",
        id = id("p"),
        active = flag("i % 10 > 0"),
        date = date("i % 700"),
        created = time("i"),
        updated = time("i * 7 % 40009"),
    ));
    let stamps = format!(
        "1, CASE WHEN i % 300 = 0 THEN {user} END, CASE WHEN i % 200 = 0 THEN {team} END, {created},
         CASE WHEN i % 250 = 0 THEN {user} END, {updated}, CASE WHEN i % 5 = 0 THEN {user} END",
        created = time("i"),
        updated = time("i * 7 % 40009"),
    );
    let columns = "version, owner_id, team_id, created_at, created_by, updated_at, updated_by";
    test.execute(&format!(
        "INSERT INTO products (id, name, name_key, isin, type, status, search_text, {columns})
           SELECT {id}, 'Name ' || i, 'name ' || i, {isin}, CASE i % 3 WHEN 0 THEN 'ucits' WHEN 1 THEN 'etf' END,
             CASE WHEN i % 9 = 0 THEN 'pending' ELSE 'active' END, ' name ' || i, {stamps}
           FROM {rows};
         INSERT INTO mandates (id, organisation_id, number, number_key, status, signed_on, starts_on, ends_on, search_text, {columns})
           SELECT {mandate}, {organisation}, {number}, lower({number}), CASE i % 4 WHEN 0 THEN 'proposed' WHEN 1 THEN 'signed' ELSE 'active' END,
             CASE WHEN i % 4 > 0 THEN {date} END, CASE WHEN i % 4 > 1 THEN {date} END, CASE WHEN i % 4 > 2 THEN {date} END,
             ' name ' || i, {stamps}
           FROM {rows};",
        id = id("q"),
        isin = if sqlite { "printf('FR%010d', i)" } else { "'FR' || lpad(i::text, 10, '0')" },
        mandate = id("m"),
        organisation = id("o"),
        number = "CASE WHEN i % 2 = 0 THEN 'Name ' || i END",
        date = date("i % 700"),
    ));
    test.execute(&format!(
        "INSERT INTO interactions (id, type, occurred_at, occurred_month, duration_minutes, subject, subject_key, organisation_id, product_id,
             search_text, {columns})
           SELECT {id}, CASE i % 3 WHEN 0 THEN 'call' WHEN 1 THEN 'email' ELSE 'meeting' END, {occurred}, 202601 + i % 12, i % 90,
             'Name ' || i, 'name ' || i, {organisation}, CASE WHEN i % 7 = 0 THEN {product} END, ' name ' || i, {stamps}
           FROM {rows};
         INSERT INTO interaction_people (interaction_id, person_id, occurred_at) SELECT {id}, {person}, {occurred} FROM {rows};
         INSERT INTO users (id, email, email_key, name, role_id, locale, is_active, version, created_at, updated_at)
           SELECT {colleague}, 'c' || i || '@example.com', 'c' || i || '@example.com', 'C', {role}, 'en', {active}, 1, {now}, {now} FROM {rows} WHERE i <= 400;
         INSERT INTO interaction_users (interaction_id, user_id, occurred_at) SELECT {id}, {user}, {occurred} FROM {rows} WHERE i % 300 = 0;
         INSERT INTO interaction_users (interaction_id, user_id, occurred_at) SELECT {id}, {took_part}, {occurred} FROM {rows} WHERE i % 300 <> 0;
         INSERT INTO tasks (id, title, title_key, due_at, priority, status, assignee_id, completed_at, organisation_id, person_id, mandate_id,
             interaction_id, recurrence, previous_task_id, search_text, {columns})
           SELECT {task}, 'Name ' || i, 'name ' || i, {due}, CASE i % 9 WHEN 0 THEN 'urgent' ELSE 'normal' END,
             CASE i % 5 WHEN 0 THEN 'doing' WHEN 1 THEN 'todo' ELSE 'done' END, CASE WHEN i % 270 = 0 THEN {user} END,
             CASE WHEN i % 5 > 1 THEN {due} END, CASE i % 4 WHEN 0 THEN {organisation} END, CASE i % 4 WHEN 1 THEN {person} END,
             CASE i % 4 WHEN 2 THEN {mandate} END, CASE i % 4 WHEN 3 THEN {id} END, CASE WHEN i % 90 = 0 THEN 'FREQ=DAILY' END,
             NULL, ' name ' || i, {stamps}
           FROM {rows};
         INSERT INTO changes (at, resource, record_id, version, action, event, fields)
           SELECT {now}, 'organisations', {organisation}, 1, 'created', 'organisation.created', {none} FROM {rows};
         INSERT INTO changes (at, resource, record_id, version, action, event, fields)
           SELECT {now}, 'people', {person}, 1, 'created', 'person.created', {none} FROM {rows};
         ANALYZE;",
        id = id("i"),
        task = id("t"),
        colleague = id("u"),
        took_part = id("u").replace("' || i)", "' || (1 + i % 400))").replace(", i)", ", 1 + i % 400)"),
        active = flag("1 = 1"),
        organisation = id("o"),
        person = id("p"),
        product = id("q"),
        mandate = id("m"),
        occurred = time("i * 11 % 40009"),
        due = time("i * 13 % 40009"),
    ));
}

/// A value that some row of the table has, or at least could have.
fn sample<F: FieldSet>(field: F) -> &'static str {
    match (field.as_ref(), field.kind()) {
        ("status", Kind::Choice(words)) if words().contains(&"todo") => "doing",
        ("priority", _) => "urgent",
        ("recurrence", _) => "FREQ=DAILY",
        ("status", _) => "active",
        ("isin", _) => "FR0000000017",
        ("country_code", _) => "FR",
        ("domicile", _) => "LU",
        ("currency", _) => "EUR",
        ("language", _) => "fr",
        ("type", Kind::Choice(words)) => words().first().copied().expect("a list of words has one"),
        ("category", _) => "institution",
        ("pipeline_stage", _) => "lead",
        ("name" | "last_name" | "first_name" | "number" | "title" | "subject", _) => "Name 17",
        ("city", _) => "ville 17",
        (_, Kind::Text) => "17",
        (_, Kind::Folded) => "name",
        (_, Kind::Integer) => "50",
        (_, Kind::Money) => "300.00",
        (_, Kind::Boolean) => "true",
        (_, Kind::Date) => "2026-06-01",
        (_, Kind::Time) => "2026-01-01T05:00:00Z",
        (_, Kind::Id | Kind::Ids) => "00000000-0000-0000-0000-000000000007",
        (_, Kind::Tags) => "vip",
        (name, kind) => panic!("{name} of {kind:?} needs a sample"),
    }
}

fn requests<F: FieldSet>() -> Vec<Vec<(String, String)>> {
    let one = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut requests = vec![vec![], vec![one("q", "name 17")], vec![one("q", "zzz")], vec![one("q", "17")]];
    for field in F::VARIANTS {
        let name = field.as_ref();
        if field.is_sortable() {
            requests.push(vec![one("sort", name)]);
            requests.push(vec![one("sort", &format!("-{name}"))]);
        }
        for operator in field.kind().operators() {
            // What leaves nearly every row, or asks for rows without a value of which there are none, is a walk of the order.
            let value = if *operator == Operator::Is { "not_null" } else { sample(*field) };
            requests.push(vec![one(&format!("{name}.{}", operator.as_ref()), value)]);
        }
    }
    requests
}

fn check(request: &[(String, String)], plans: &[String], whole_tables: &mut Vec<String>) {
    assert!(!plans.is_empty());
    for plan in plans {
        let whole = |line: &str| {
            line.contains("Seq Scan")
                || (line.contains("SCAN ")
                    && !line.contains("INDEX")
                    && !line.contains("VIRTUAL")
                    && !line.contains("json_each"))
        };
        if plan.lines().any(whole) {
            whole_tables.push(format!("{request:?}\n{plan}\n"));
        }
    }
}

fn walk<F: FieldSet, R: Guarded, T>(
    test: &TestDatabase,
    grant: &Grant<Read, R>,
    list: impl Fn(&mut ReadTx, &Grant<Read, R>, &ListQuery<F>) -> Result<Page<T>, StoreError>,
    plans: impl Fn(&mut ReadTx, &Grant<Read, R>, &ListQuery<F>) -> Result<Vec<String>, StoreError>,
) {
    let mut whole_tables = Vec::new();
    for request in requests::<F>() {
        let pairs: Vec<(&str, &str)> = request.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let query = ListQuery::<F>::parse(pairs.clone()).unwrap();
        check(&request, &test.database.read(|tx| plans(tx, grant, &query)).unwrap(), &mut whole_tables);
        // The page after the first: its queries begin at a cursor.
        let first = test.database.read(|tx| list(tx, grant, &query)).unwrap();
        if let Some(cursor) = first.next_cursor {
            let next = ListQuery::<F>::parse(pairs.into_iter().chain([("cursor", cursor.as_str())])).unwrap();
            check(&request, &test.database.read(|tx| plans(tx, grant, &next)).unwrap(), &mut whole_tables);
        }
    }
    assert!(whole_tables.is_empty(), "{grant:?} reads whole tables:\n{}", whole_tables.join("\n"));
}

#[test]
fn no_query_of_a_list_a_timeline_or_a_figure_reads_a_whole_table() {
    on_each_database(|test| {
        fill(test);
        // Figures are counted from an index alone once the server knows which pages all may see.
        if test.name() == "postgres" {
            test.execute("VACUUM ANALYZE");
        }
        let (user, team) = (UserId::from_u128(7), TeamId::from_u128(9));
        let actors = [
            Actor::system("test"),
            Actor::user(user, Some(team), BuiltInRole::User.role()),
            Actor::user(user, None, BuiltInRole::User.role()),
        ];
        for actor in actors {
            for kind in SearchType::VARIANTS {
                walk_kind(test, &actor, *kind);
            }
            timelines(test, &actor);
            figures(test, &actor);
        }
    });
}

/// The list of one kind of records. The compiler asks for every kind.
fn walk_kind(test: &TestDatabase, actor: &Actor, kind: SearchType) {
    match kind {
        SearchType::Organisations => walk::<OrganisationField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| organisations::list(tx, grant, query),
            |tx, grant, query| organisations::plans(tx, grant, query),
        ),
        SearchType::People => walk::<PersonField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| people::list(tx, grant, query),
            |tx, grant, query| people::plans(tx, grant, query),
        ),
        SearchType::Products => walk::<ProductField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| products::list(tx, grant, query),
            |tx, grant, query| products::plans(tx, grant, query),
        ),
        SearchType::Interactions => walk::<InteractionField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| interactions::list(tx, grant, query),
            |tx, grant, query| interactions::plans(tx, grant, query),
        ),
        SearchType::Tasks => walk::<TaskField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| tasks::list(tx, grant, query),
            |tx, grant, query| tasks::plans(tx, grant, query),
        ),
        SearchType::Mandates => walk::<MandateField, _, _>(
            test,
            &policy::authorise(actor).unwrap(),
            |tx, grant, query| mandates::list(tx, grant, query),
            |tx, grant, query| mandates::plans(tx, grant, query),
        ),
    }
}

/// The timelines of an organisation and of a person: a first page, and the page after it.
fn timelines(test: &TestDatabase, actor: &Actor) {
    let grants = TimelineGrants {
        interactions: Some(policy::authorise(actor).unwrap()),
        tasks: Some(policy::authorise(actor).unwrap()),
        mandates: Some(policy::authorise(actor).unwrap()),
    };
    let everyone = Actor::system("test");
    let (organisation, person) = test
        .database
        .read(|tx| -> Result<_, StoreError> {
            let organisations = organisations::list(tx, &read(&everyone), &ListQuery::default())?;
            let people = people::list(tx, &read(&everyone), &ListQuery::default())?;
            Ok((organisations.items[0].id, people.items[0].id))
        })
        .unwrap();
    let mut whole_tables = Vec::new();
    for subject in [Subject::Organisation(organisation), Subject::Person(person)] {
        let named = [("timeline".to_owned(), format!("{subject:?}"))];
        let first = test.database.read(|tx| timeline::plans(tx, &grants, subject, 50, None)).unwrap();
        check(&named, &first, &mut whole_tables);
        let page = test.database.read(|tx| timeline::timeline(tx, &grants, subject, 1, None)).unwrap();
        if let Some(cursor) = page.next_cursor {
            let next = test.database.read(|tx| timeline::plans(tx, &grants, subject, 50, Some(&cursor))).unwrap();
            check(&named, &next, &mut whole_tables);
        }
    }
    assert!(whole_tables.is_empty(), "timelines read whole tables:\n{}", whole_tables.join("\n"));
}

fn read<R: Guarded>(actor: &Actor) -> Grant<Read, R> {
    policy::authorise(actor).unwrap()
}

/// Every figure over all that the actor may see.
fn figures(test: &TestDatabase, actor: &Actor) {
    let (now, today) = (Timestamp::parse("2026-03-01T00:00:00Z").unwrap(), parse_date("2026-03-01").unwrap());
    let plans = test.database.read(|tx| -> Result<_, StoreError> {
        Ok([
            ("pipeline", figures::pipeline_plan(tx, &read(actor), &ListQuery::default())?),
            ("mandates", figures::mandates_plan(tx, &read(actor), &ListQuery::default(), today)?),
            ("interactions", figures::interactions_plan(tx, &read(actor), &ListQuery::default())?),
            ("tasks", figures::tasks_plan(tx, &read(actor), &ListQuery::default(), now)?),
        ])
    });
    let mut whole_tables = Vec::new();
    for (name, plan) in plans.unwrap() {
        check(&[("figures".to_owned(), name.to_owned())], &[plan.join("\n")], &mut whole_tables);
    }
    assert!(whole_tables.is_empty(), "{actor:?}: figures read whole tables:\n{}", whole_tables.join("\n"));
}
