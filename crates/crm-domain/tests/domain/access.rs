//! Who may do what, and to which records.

use std::collections::BTreeSet;

use crm_domain::{
    Change, Interaction, Mandate, NewRecord, Notification, Organisation, Person, Product, RoleId, Stamps, Task, Team,
    TeamId, User, UserId,
    access::{
        Action, ActionType, Actor, BuiltInRole, Create, Delete, Denied, Export, Grant, Guarded, Import, Manage,
        Ownership, Reach, Read, Resource, Role, Rule, Scope, Settings, Update, policy,
    },
    values::{Name, Timestamp},
};
use proptest::prelude::*;
use strum::VariantArray;

use crate::{golden, often};

const ME: UserId = UserId::from_u128(1);
const OTHER: UserId = UserId::from_u128(2);
const MY_TEAM: TeamId = TeamId::from_u128(11);
const OTHER_TEAM: TeamId = TeamId::from_u128(12);

#[test]
fn the_built_in_roles_may_what_the_kept_table_says() {
    let mut table = golden::header("How far each built-in role may do what: own < team < all, - is never.");
    table += &row("resource", "action", BuiltInRole::VARIANTS.iter().map(AsRef::as_ref));
    for resource in Resource::VARIANTS {
        for action in Action::VARIANTS {
            let reaches = BuiltInRole::VARIANTS.iter().map(|role| role.role().reach(*resource, *action));
            table += &row(resource.as_ref(), action.as_ref(), reaches.map(name_of_reach));
        }
    }
    golden::check("policy.txt", &table);
}

fn row<'a>(resource: &str, action: &str, cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:<8}")).collect();
    format!("{resource:<14} {action:<7} {}", cells.join(" ")).trim_end().to_owned() + "\n"
}

fn name_of_reach(reach: Option<Reach>) -> &'static str {
    match reach {
        None => "-",
        Some(Reach::Own) => "own",
        Some(Reach::Team) => "team",
        Some(Reach::All) => "all",
    }
}

/// Asks the policy, without and with a team, and compares with the reach that the role's rules name.
#[track_caller]
fn check_policy<A: ActionType, R: Guarded>(action: Action, resource: Resource) {
    assert_eq!((A::ACTION, R::RESOURCE), (action, resource));
    for built_in in BuiltInRole::VARIANTS {
        let reach = built_in.role().reach(resource, action);
        let alone = Actor::user(ME, None, built_in.role());
        let member = Actor::user(ME, Some(MY_TEAM), built_in.role());
        let scopes = reach.map(|reach| match reach {
            Reach::Own => (Scope::Own { user: ME }, Scope::Own { user: ME }),
            Reach::Team => (Scope::Own { user: ME }, Scope::Team { user: ME, team: MY_TEAM }),
            Reach::All => (Scope::All, Scope::All),
        });
        let denied = Denied { action, resource };
        let scope_of = |actor: &Actor| policy::authorise::<A, R>(actor).map(|grant| grant.scope());
        assert_eq!(scope_of(&alone), scopes.map(|(alone, _)| alone).ok_or(denied), "{built_in:?}");
        assert_eq!(scope_of(&member), scopes.map(|(_, member)| member).ok_or(denied), "{built_in:?}");
    }
    assert_eq!(policy::authorise::<A, R>(&Actor::system("test")).map(|grant| grant.scope()), Ok(Scope::All));
}

fn check_every_action<R: Guarded>(resource: Resource) {
    check_policy::<Create, R>(Action::Create, resource);
    check_policy::<Read, R>(Action::Read, resource);
    check_policy::<Update, R>(Action::Update, resource);
    check_policy::<Delete, R>(Action::Delete, resource);
    check_policy::<Export, R>(Action::Export, resource);
    check_policy::<Import, R>(Action::Import, resource);
    check_policy::<Manage, R>(Action::Manage, resource);
}

#[test]
fn the_policy_says_what_the_role_says_for_every_guarded_type() {
    check_every_action::<Organisation>(Resource::Organisations);
    check_every_action::<Person>(Resource::People);
    check_every_action::<Product>(Resource::Products);
    check_every_action::<Mandate>(Resource::Mandates);
    check_every_action::<Interaction>(Resource::Interactions);
    check_every_action::<Task>(Resource::Tasks);
    check_every_action::<User>(Resource::Users);
    check_every_action::<Team>(Resource::Teams);
    check_every_action::<Role>(Resource::Roles);
    check_every_action::<Notification>(Resource::Notifications);
    check_every_action::<Change>(Resource::Changes);
    check_every_action::<Settings>(Resource::Settings);
}

#[test]
fn a_grant_tells_its_holder_and_its_rows_and_so_does_its_clone() {
    let actor = Actor::user(ME, Some(MY_TEAM), BuiltInRole::ReadOnly.role()).with_request_id("r-1");
    let grant: Grant<Read, Person> = policy::authorise(&actor).unwrap();
    let copy = grant.clone();
    for grant in [grant, copy] {
        assert_eq!((grant.actor().user_id(), grant.actor().request_id()), (Some(ME), Some("r-1")));
        assert_eq!(grant.scope(), Scope::Team { user: ME, team: MY_TEAM });
        let shown = format!("{grant:?}");
        assert!(shown.starts_with("Grant(Read on People, Team {"), "{shown}");
    }
    let denied = Denied { action: Action::Delete, resource: Resource::People };
    assert_eq!(denied.to_string(), "the role does not allow Delete on People");
}

#[test]
fn an_actor_is_a_user_with_a_team_or_the_system_with_a_reason() {
    let user = Actor::user(ME, Some(MY_TEAM), BuiltInRole::User.role());
    assert_eq!((user.user_id(), user.team_id(), user.reason()), (Some(ME), Some(MY_TEAM), None));
    assert_eq!((user.role().id, user.request_id()), (BuiltInRole::User.id(), None));
    assert_eq!(user.with_request_id("r-2").request_id(), Some("r-2"));

    let system = Actor::system("reminders");
    assert_eq!((system.user_id(), system.team_id(), system.reason()), (None, None, Some("reminders")));
    assert_eq!((system.role().id, system.request_id()), (BuiltInRole::Admin.id(), None));
    assert_eq!(system.with_request_id("r-3").request_id(), Some("r-3"));
}

#[test]
fn built_in_roles_have_fixed_ids_and_names() {
    let ids: Vec<_> = BuiltInRole::VARIANTS.iter().map(|role| role.id().to_string()).collect();
    let numbered = |number: u8| format!("00000000-0000-7000-8000-00000000000{number}");
    assert_eq!(ids, [numbered(1), numbered(2), numbered(3), numbered(4)]);
    for built_in in BuiltInRole::VARIANTS {
        assert_eq!(BuiltInRole::with_id(built_in.id()), Some(*built_in));
        assert_eq!((built_in.role().id, built_in.role().name.as_str()), (built_in.id(), built_in.as_ref()));
    }
    assert_eq!(BuiltInRole::with_id(RoleId::from_u128(0)), None);
    assert_eq!(BuiltInRole::with_id(RoleId::from_u128(5)), None);
}

#[test]
fn a_built_in_role_has_one_rule_for_each_pair() {
    for built_in in BuiltInRole::VARIANTS {
        let rules = built_in.role().rules;
        let pairs: BTreeSet<_> = rules.iter().map(|rule| (rule.resource, rule.action)).collect();
        assert_eq!(pairs.len(), rules.len(), "{built_in:?}");
    }
}

const READ_PEOPLE: Rule = Rule { resource: Resource::People, action: Action::Read, reach: Reach::Team };

fn role(rules: &[Rule]) -> Role {
    Role { id: RoleId::from_u128(9), name: Name::parse("assistant").unwrap(), rules: rules.to_vec() }
}

#[test]
fn a_role_reaches_as_far_as_its_widest_rule_for_exactly_that_pair() {
    let wider = Rule { reach: Reach::All, ..READ_PEOPLE };
    let narrower = Rule { reach: Reach::Own, ..READ_PEOPLE };
    let reach = |rules: &[Rule]| role(rules).reach(Resource::People, Action::Read);
    assert_eq!(reach(&[]), None);
    assert_eq!(reach(&[READ_PEOPLE]), Some(Reach::Team));
    assert_eq!(reach(&[narrower, wider, READ_PEOPLE]), Some(Reach::All));
    assert_eq!(role(&[READ_PEOPLE]).reach(Resource::People, Action::Update), None);
    assert_eq!(role(&[READ_PEOPLE]).reach(Resource::Tasks, Action::Read), None);
}

#[test]
fn a_role_covers_what_it_holds_and_less() {
    let covers = |reach| role(&[READ_PEOPLE]).covers(Rule { reach, ..READ_PEOPLE });
    assert_eq!(Reach::VARIANTS.iter().map(|reach| covers(*reach)).collect::<Vec<_>>(), [true, true, false]);
    assert!(!role(&[READ_PEOPLE]).covers(Rule { action: Action::Update, reach: Reach::Own, ..READ_PEOPLE }));
    assert!(!role(&[READ_PEOPLE]).covers(Rule { resource: Resource::Tasks, reach: Reach::Own, ..READ_PEOPLE }));
}

#[test]
fn a_role_covers_another_only_if_it_covers_each_of_its_rules() {
    let export = Rule { action: Action::Export, ..READ_PEOPLE };
    let (one, both) = (role(&[READ_PEOPLE]), role(&[READ_PEOPLE, export]));
    assert!(both.covers_all(&one) && both.covers_all(&both));
    assert!(!one.covers_all(&both), "one rule that is covered does not make up for one that is not");
    assert!(!one.covers_all(&role(&[Rule { reach: Reach::All, ..READ_PEOPLE }])));
    assert!(one.covers_all(&role(&[Rule { reach: Reach::Own, ..READ_PEOPLE }])));
    assert!(role(&[]).covers_all(&role(&[])) && !role(&[]).covers_all(&one));
    assert!(!BuiltInRole::Manager.role().covers_all(&BuiltInRole::Admin.role()));
    assert!(BuiltInRole::Admin.role().covers_all(&BuiltInRole::Manager.role()));
}

#[test]
fn a_limited_role_has_the_narrower_reach_whichever_side_it_is_on() {
    let export = Rule { action: Action::Export, ..READ_PEOPLE };
    let held = role(&[READ_PEOPLE, export]);
    for (asked, left) in [(Reach::Own, Reach::Own), (Reach::Team, Reach::Team), (Reach::All, Reach::Team)] {
        let limited = held.limited_to(&[Rule { reach: asked, ..READ_PEOPLE }]);
        assert_eq!(limited, role(&[Rule { reach: left, ..READ_PEOPLE }]), "{asked:?}");
    }
    let not_held = Rule { action: Action::Delete, reach: Reach::Own, ..READ_PEOPLE };
    assert_eq!(held.limited_to(&[not_held, export]), role(&[export]));
    assert_eq!(held.limited_to(&[]), role(&[]));
}

#[test]
fn an_explanation_names_the_rule_and_its_rows() {
    let explain =
        |team, action| policy::explain(&Actor::user(ME, team, BuiltInRole::User.role()), Resource::People, action);
    let why = explain(Some(MY_TEAM), Action::Read).unwrap();
    assert_eq!((why.rule(), why.scope()), (READ_PEOPLE, Scope::Team { user: ME, team: MY_TEAM }));
    let alone = explain(None, Action::Read).unwrap();
    assert_eq!((alone.rule(), alone.scope()), (READ_PEOPLE, Scope::Own { user: ME }));
    assert_eq!(explain(Some(MY_TEAM), Action::Export), None);
}

#[test]
fn nobody_makes_a_role_with_more_than_they_hold() {
    let own = |action| Rule { resource: Resource::People, action, reach: Reach::Own };
    let make = |rules: &[Rule], granter: &Role| {
        let made = Role::custom(RoleId::from_u128(9), Name::parse("assistant").unwrap(), rules.to_vec(), granter);
        let told = |error: crm_domain::FieldError| format!("{} {}", error.pointer, error.code);
        made.map_err(|invalid| invalid.errors.into_iter().map(told).collect::<Vec<_>>())
    };
    let user = BuiltInRole::User.role();
    let rules = [own(Action::Read), own(Action::Update)];
    assert_eq!(make(&rules, &user), Ok(role(&rules)));
    assert_eq!(make(&[], &role(&[])), Ok(role(&[])));
    let too_far = Rule { reach: Reach::All, ..READ_PEOPLE };
    assert_eq!(make(&[own(Action::Update), too_far], &user), Err(vec!["/rules/1 not_held".to_owned()]));
    let twice = [own(Action::Read), own(Action::Update), READ_PEOPLE, own(Action::Export)];
    let told = ["/rules/2 repeated", "/rules/3 not_held"].map(str::to_owned);
    assert_eq!(make(&twice, &user), Err(told.to_vec()));
    let same_action_elsewhere = [READ_PEOPLE, Rule { resource: Resource::Tasks, ..READ_PEOPLE }];
    assert_eq!(make(&same_action_elsewhere, &user), Ok(role(&same_action_elsewhere)));
}

/// Whether the record is seen by me at the reaches own, team and all.
fn seen(owner_id: Option<UserId>, team_id: Option<TeamId>, created_by: Option<UserId>) -> [bool; 3] {
    let record = Ownership { owner_id, team_id, created_by, assignee_id: None };
    scopes(ME, MY_TEAM).map(|scope| scope.admits(&record))
}

fn scopes(user: UserId, team: TeamId) -> [Scope; 3] {
    [Scope::Own { user }, Scope::Team { user, team }, Scope::All]
}

#[test]
fn a_scope_admits_the_records_of_its_reach() {
    assert_eq!(seen(Some(ME), None, None), [true, true, true]);
    assert_eq!(seen(Some(OTHER), None, Some(ME)), [true, true, true]);
    assert_eq!(seen(Some(OTHER), Some(MY_TEAM), Some(OTHER)), [false, true, true]);
    assert_eq!(seen(Some(OTHER), Some(OTHER_TEAM), Some(OTHER)), [false, false, true]);
    assert_eq!(seen(Some(OTHER), None, None), [false, false, true]);
    assert_eq!(seen(None, Some(MY_TEAM), Some(ME)), [false, false, true]);
    assert_eq!(seen(None, None, None), [false, false, true]);
}

#[test]
fn ownership_is_taken_from_the_stamps() {
    let at = Timestamp::EARLIEST;
    let id = crm_domain::OrganisationId::from_u128(7);
    let new = NewRecord { id, owner_id: Some(ME), team_id: Some(MY_TEAM), by: Some(OTHER), at };
    let stamps: Stamps = new.stamps();
    let expected = Ownership { owner_id: Some(ME), team_id: Some(MY_TEAM), created_by: Some(OTHER), assignee_id: None };
    assert_eq!(Ownership::from(&stamps), expected);
}

#[test]
fn of_two_scopes_the_narrower_counts_and_of_equal_ones_the_first() {
    for (place, scope) in scopes(ME, MY_TEAM).into_iter().enumerate() {
        assert_eq!(scope.reach(), Reach::VARIANTS[place]);
        for (other_place, other) in scopes(ME, MY_TEAM).into_iter().enumerate() {
            assert_eq!(scope.narrowed(other), scopes(ME, MY_TEAM)[place.min(other_place)]);
        }
    }
    let mine = Scope::Own { user: ME };
    assert_eq!(mine.narrowed(Scope::Own { user: OTHER }), mine);
}

fn some_id<R: 'static>() -> impl Strategy<Value = Option<crm_domain::Id<R>>> {
    // Few different ids, so that they meet.
    prop::option::of((1..4_u128).prop_map(crm_domain::Id::from_u128))
}

prop_compose! {
    fn any_record()(
        owner_id in some_id(), team_id in some_id(), created_by in some_id(), assignee_id in some_id(),
    ) -> Ownership {
        Ownership { owner_id, team_id, created_by, assignee_id }
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn each_reach_holds_the_one_before_and_unowned_records_are_seen_at_all_only(
        record in any_record(), user in 1..4_u128, team in 1..4_u128,
    ) {
        let [own, team, all] =
            scopes(UserId::from_u128(user), TeamId::from_u128(team)).map(|scope| scope.admits(&record));
        prop_assert!(own <= team && team <= all && all);
        prop_assert!(record.owner_id.is_some() || !team);
    }

    #[test]
    fn narrowing_is_the_intersection_for_one_caller(
        record in any_record(), user in 1..4_u128, team in 1..4_u128, one in 0..3_usize, other in 0..3_usize,
    ) {
        let scopes = scopes(UserId::from_u128(user), TeamId::from_u128(team));
        let (one, other) = (scopes[one], scopes[other]);
        prop_assert_eq!(one.narrowed(other).admits(&record), one.admits(&record) && other.admits(&record));
        prop_assert_eq!(one.narrowed(other), other.narrowed(one));
    }
}
