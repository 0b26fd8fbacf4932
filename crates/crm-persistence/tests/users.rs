//! Users, teams and roles, on each database.
#![allow(clippy::unwrap_used)] // Helpers of tests fail the test when what they need is not there.

mod support_users;

use crm_domain::{
    RoleId, Team, TeamId, User, UserField, UserId, Version,
    access::{Action, Actor, BuiltInRole, Manage, Reach, Read, Resource, Rule, policy},
    query::{Cursor, ListQuery},
    values::{EmailAddress, Name},
};
use crm_persistence::{StoreError, roles, teams, users};
use crm_testkit::on_each_database;
use support_users::{add, add_team, at, changed, execute, grant, team, user, write};

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

#[test]
fn a_user_is_read_back_as_it_was_written() {
    on_each_database(|test| {
        add_team(test, &team(9));
        let mut written = user(1);
        written.stamps.team_id = Some(TeamId::from_u128(9));
        written.stamps.owner_id = Some(written.id);
        add(test, &written);
        let read = test.database.read(|tx| users::find(tx, &grant::<Read, User>(), written.id)).unwrap();
        assert_eq!(read, written);
        let many =
            test.database.read(|tx| users::find_many(tx, &grant::<Read, User>(), &[written.id, UserId::from_u128(5)]));
        assert_eq!(many.unwrap(), [written]);
    });
}

#[test]
fn an_address_is_unique_and_found_whatever_its_case() {
    on_each_database(|test| {
        add(test, &user(1));
        let taken = User { email: email("uSER1@example.com"), ..user(2) };
        let refused = write(test, 0, |tx| users::insert(tx, &grant::<Manage, User>(), &taken, None));
        assert!(matches!(refused, Err(StoreError::Conflict { field: "email" })), "{refused:?}");
        let found =
            test.database.read(|tx| users::find_by_email(tx, &grant::<Read, User>(), &email("USER1@example.com")));
        assert_eq!(found.unwrap(), user(1));
        let (known, hash) =
            test.database.read(|tx| users::credentials(tx, &email("user1@EXAMPLE.com"))).unwrap().unwrap();
        assert_eq!((known, hash.as_deref()), (user(1), Some("hash")));
        let unknown = test.database.read(|tx| users::credentials(tx, &email("nobody@example.com")));
        assert_eq!(unknown.unwrap(), None);
    });
}

#[test]
fn saving_leaves_the_password_and_the_last_sign_in_alone() {
    on_each_database(|test| {
        let before = user(1);
        add(test, &before);
        write(test, 5, |tx| users::signed_in(tx, before.id)).unwrap();
        let after = changed(&before, 6, |user| user.name = Name::parse("Other").unwrap());
        write(test, 6, |tx| users::save(tx, &grant::<Manage, User>(), Version::FIRST, &after)).unwrap();
        let (read, hash) = test.database.read(|tx| users::credentials(tx, &before.email)).unwrap().unwrap();
        assert_eq!(read, User { last_login_at: Some(at(5)), ..after.clone() });
        assert_eq!(hash.as_deref(), Some("hash"));
        write(test, 7, |tx| users::set_password(tx, &grant::<Manage, User>(), before.id, "other")).unwrap();
        let (read, hash) = test.database.read(|tx| users::credentials(tx, &before.email)).unwrap().unwrap();
        assert_eq!((read.stamps.version, hash.as_deref()), (Version::FIRST.next(), Some("other")));
    });
}

#[test]
fn a_user_who_has_moved_on_is_stale_and_one_who_is_not_there_is_not_found() {
    on_each_database(|test| {
        let before = user(1);
        add(test, &before);
        let after = changed(&before, 1, |user| user.is_active = false);
        let save = |user: &User| write(test, 1, |tx| users::save(tx, &grant::<Manage, User>(), Version::FIRST, user));
        save(&after).unwrap();
        let again = save(&after);
        assert!(matches!(again, Err(StoreError::Stale { current }) if current == Version::FIRST.next()), "{again:?}");
        assert!(matches!(save(&user(2)), Err(StoreError::NotFound)));
        let no_one = write(test, 1, |tx| users::set_password(tx, &grant::<Manage, User>(), UserId::from_u128(2), "x"));
        assert!(matches!(no_one, Err(StoreError::NotFound)));
    });
}

#[test]
fn references_of_a_user_must_exist() {
    on_each_database(|test| {
        let nowhere = User { role_id: RoleId::from_u128(77), ..user(1) };
        let refused = write(test, 0, |tx| users::insert(tx, &grant::<Manage, User>(), &nowhere, None));
        assert!(matches!(refused, Err(StoreError::Reference { field: "role_id" | "" })), "{refused:?}");
    });
}

#[test]
fn users_out_of_scope_are_not_there() {
    on_each_database(|test| {
        let mine = user(1);
        let other = {
            let mut other = user(2);
            other.stamps.owner_id = Some(mine.id);
            other.stamps.created_by = Some(mine.id);
            other
        };
        add(test, &mine);
        add(test, &other);
        let own = [Rule { resource: Resource::Users, action: Action::Read, reach: Reach::Own }];
        let role = crm_domain::access::Role {
            id: RoleId::from_u128(50),
            name: Name::parse("own").unwrap(),
            rules: own.to_vec(),
        };
        let narrow = policy::authorise::<Read, User>(&Actor::user(mine.id, None, role)).unwrap();
        let find = |id| test.database.read(|tx| users::find(tx, &narrow, id));
        assert_eq!(find(other.id).unwrap(), other);
        assert!(
            matches!(find(mine.id), Err(StoreError::NotFound)),
            "a record without an owner is seen at reach all only"
        );
        let page = test.database.read(|tx| users::list(tx, &narrow, &ListQuery::default())).unwrap();
        assert_eq!(page.items, [other]);
    });
}

#[test]
fn walking_the_pages_yields_each_live_user_once_by_name() {
    on_each_database(|test| {
        let names = ["Zoé", "ann", "Ann", "Bob", "Bob", "Érik"];
        for (number, name) in (1..).zip(names) {
            add(test, &User { name: Name::parse(name).unwrap(), ..user(number) });
        }
        let mut gone = user(7);
        gone.stamps.deleted_at = Some(at(1));
        add(test, &gone);
        let mut walked = Vec::new();
        let mut query = ListQuery::<UserField>::parse([("sort", "name"), ("limit", "2")]).unwrap();
        loop {
            let page = test.database.read(|tx| users::list(tx, &grant::<Read, User>(), &query)).unwrap();
            assert!(page.items.len() <= 2);
            walked.extend(page.items.into_iter().map(|user| (user.name.to_string(), user.id.uuid().as_u128())));
            let Some(next) = page.next_cursor else { break };
            query.cursor = Some(Cursor::decode(&next, query.fingerprint(), &query.sort).unwrap());
        }
        // By the folded name, in which neither case nor accents count, and by id where that is the same.
        let expected = [("ann", 2), ("Ann", 3), ("Bob", 4), ("Bob", 5), ("Érik", 6), ("Zoé", 1)];
        assert_eq!(walked, expected.map(|(name, number)| (name.to_owned(), number)));
    });
}

#[test]
fn only_live_and_active_holders_of_a_role_are_counted() {
    on_each_database(|test| {
        let admin = |number, change: fn(&mut User)| {
            let mut user = User { role_id: BuiltInRole::Admin.id(), ..user(number) };
            change(&mut user);
            add(test, &user);
        };
        admin(1, |_| {});
        admin(2, |user| user.is_active = false);
        admin(3, |user| user.stamps.deleted_at = Some(at(1)));
        admin(4, |user| user.role_id = BuiltInRole::Manager.id());
        assert_eq!(write(test, 1, |tx| users::count_active_with_role(tx, BuiltInRole::Admin.id())).unwrap(), 1);
        assert_eq!(test.database.read(|tx| users::count(tx)).unwrap(), 3);
    });
}

#[test]
fn of_two_who_take_the_last_administrators_away_at_the_same_time_one_is_refused() {
    on_each_database(|test| {
        for round in 0..5 {
            let admins = [
                User { role_id: BuiltInRole::Admin.id(), ..user(round * 2 + 1) },
                User { role_id: BuiltInRole::Admin.id(), ..user(round * 2 + 2) },
            ];
            for admin in &admins {
                add(test, admin);
            }
            let begin = std::sync::Barrier::new(2);
            let demote = |admin: &User| {
                begin.wait();
                let demoted = changed(admin, 1, |user| user.is_active = false);
                write(test, 1, |tx| {
                    if users::count_active_with_role(tx, BuiltInRole::Admin.id())? <= 1 {
                        return Ok(false);
                    }
                    users::save(tx, &grant::<Manage, User>(), Version::FIRST, &demoted)?;
                    Ok(true)
                })
                .unwrap()
            };
            let done = std::thread::scope(|scope| {
                let threads = admins.each_ref().map(|admin| scope.spawn(|| demote(admin)));
                threads.map(|thread| thread.join().unwrap())
            });
            assert_eq!(done.iter().filter(|done| **done).count(), 1, "round {round}");
            execute(test, "UPDATE users SET is_active = 0", "UPDATE users SET is_active = false");
        }
    });
}

#[test]
fn a_team_is_read_back_and_its_name_is_unique() {
    on_each_database(|test| {
        add(test, &user(1));
        let written = Team { manager_id: Some(UserId::from_u128(1)), ..team(1) };
        add_team(test, &written);
        let find = |id| test.database.read(|tx| teams::find(tx, &grant::<Read, Team>(), id));
        assert_eq!(find(written.id).unwrap(), written);
        assert!(matches!(find(TeamId::from_u128(2)), Err(StoreError::NotFound)));
        let many = test.database.read(|tx| teams::find_many(tx, &grant::<Read, Team>(), &[written.id]));
        assert_eq!(many.unwrap(), [written]);
        let same = Team { name: Name::parse("TEAM 1").unwrap(), ..team(2) };
        let refused = write(test, 0, |tx| teams::insert(tx, &grant(), &same));
        assert!(matches!(refused, Err(StoreError::Conflict { field: "name" })), "{refused:?}");
    });
}

#[test]
fn built_in_roles_have_the_rules_of_the_program_and_others_their_own() {
    on_each_database(|test| {
        let find = |id| test.database.read(|tx| roles::find(tx, id));
        let by_name = |name: &str| test.database.read(|tx| roles::find_by_name(tx, name));
        for built_in in [BuiltInRole::Admin, BuiltInRole::Manager, BuiltInRole::User, BuiltInRole::ReadOnly] {
            assert_eq!(find(built_in.id()).unwrap(), built_in.role());
            assert_eq!(by_name(&built_in.as_ref().to_uppercase()).unwrap(), built_in.role());
        }
        let rules = r#"[{"resource": "people", "action": "read", "reach": "own"}]"#;
        let columns =
            "INSERT INTO roles (id, name, name_key, rules, search_text, version, created_at, updated_at) VALUES";
        execute(
            test,
            &format!("{columns} (X'00000000000000000000000000000063', 'Guest', 'guest', '{rules}', ' guest', 1, 0, 0)"),
            &format!(
                "{columns} ('00000000-0000-0000-0000-000000000063', 'Guest', 'guest', '{rules}', ' guest', 1, now(), now())"
            ),
        );
        let guest = find(RoleId::from_u128(0x63)).unwrap();
        assert_eq!(guest.rules, [Rule { resource: Resource::People, action: Action::Read, reach: Reach::Own }]);
        assert_eq!(by_name("GUEST").unwrap(), guest);
        assert!(matches!(find(RoleId::from_u128(0x64)), Err(StoreError::NotFound)));
        assert!(matches!(by_name("nobody"), Err(StoreError::NotFound)));
    });
}
