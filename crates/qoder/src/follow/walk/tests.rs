use super::*;

fn walk(from: ListFrom, after: Option<&str>) -> Walk {
    let feed = Feed::session("sess_1".into());
    Walk::new(&feed, from, after, 100, Habits::default())
}

fn page(ids: &[&str], more: bool) -> Page<Event> {
    let events: Vec<String> = ids
        .iter()
        .map(|id| format!(r#"{{"type":"session.status_running","id":"{id}"}}"#))
        .collect();
    let last = ids.last().unwrap_or(&"");
    let text = format!(
        r#"{{"data":[{}],"has_more":{more},"next_page":"after {last}"}}"#,
        events.join(",")
    );
    serde_json::from_str(&text).expect("a page")
}

fn nothing(_: &EventId) -> bool {
    false
}

/// The events that it gives now, and whether it is done then.
fn given(walk: &mut Walk) -> (Vec<String>, bool) {
    let mut events = Vec::new();
    loop {
        match walk.step() {
            Some(Step::Event(event)) => {
                events.extend(event.id().map(ToString::to_string));
            }
            Some(Step::Done) => return (events, true),
            None => return (events, false),
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_page_is_fetched_when_the_one_before_was_given_out() {
    let mut walk = walk(ListFrom::Beginning, None);
    assert!(walk.request().is_some());
    walk.page(page(&["e1", "e2"], true), nothing);
    assert!(walk.request().is_none(), "two events are to be given out");
    walk.step();
    assert!(walk.request().is_none());
    walk.step();
    assert!(walk.request().is_some());
    walk.page(page(&["e3"], false), nothing);
    assert_eq!(given(&mut walk), (vec!["e3".to_owned()], true));
}

#[test]
fn a_list_that_begins_with_the_first_event_whatever_it_is_asked() {
    let mut walk = walk(ListFrom::Cursor, Some("e3"));
    walk.request();
    walk.page(page(&["e1", "e2"], true), nothing);
    assert_eq!(given(&mut walk), (vec![], false), "it is asked about that");
    assert!(walk.request().is_some());
    walk.page(page(&["e1", "e2"], true), nothing);
    assert_eq!(given(&mut walk), (vec![], false), "all before the cursor");
    assert!(walk.request().is_some());
    walk.page(page(&["e3", "e4"], false), nothing);
    assert_eq!(given(&mut walk), (vec!["e4".to_owned()], true));
    assert_eq!(walk.habits().after, Heeds::No);
}

#[test]
fn a_list_that_has_the_oldest_event_first_whatever_it_is_asked() {
    let known = |id: &EventId| matches!(id.as_str(), "e1" | "e2");
    let mut walk = walk(ListFrom::BackToKnown, None);
    walk.request();
    walk.page(page(&["e1", "e2"], true), known);
    assert_eq!(given(&mut walk), (vec![], false), "it is asked about that");
    assert!(walk.request().is_some());
    walk.page(page(&["e2", "e3"], true), known);
    assert!(walk.request().is_some(), "from the beginning");
    walk.page(page(&["e1", "e2", "e3", "e4"], false), known);
    let new = vec!["e3".to_owned(), "e4".to_owned()];
    assert_eq!(given(&mut walk), (new, true));
    assert_eq!(walk.habits().order, Heeds::No);
}

#[test]
fn a_list_that_does_not_tell_its_order_is_read_from_the_beginning() {
    let mut walk = walk(ListFrom::Newest, None);
    walk.request();
    walk.page(page(&["e1", "e2"], true), nothing);
    assert!(walk.request().is_some(), "it is asked about that");
    assert!(walk.does_without());
    assert!(walk.step().is_none(), "e1 may be the oldest or the newest");
    assert!(walk.request().is_some(), "from the beginning");
    walk.page(page(&["e1", "e2", "e3"], false), nothing);
    let newest = walk.step();
    assert!(
        matches!(&newest, Some(Step::Newest(Some(id))) if id.as_str() == "e3"),
        "{newest:?}"
    );
}
