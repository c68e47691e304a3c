//! Where requests may go: by name, by address, by redirect and by what names resolve to.

use crate::setup::World;

const NOT_PERMITTED: &str = "resolves to an address that is not permitted: to permit it, add that very address to the \
                             script's permissions' \"http\"";

#[tokio::test]
async fn addresses_that_are_not_public_are_not_reached() {
    let world = World::new().await;
    let isolet = world.isolet();
    let port = world.server.port();
    for host in [
        "127.0.0.2",
        "127.2",
        "0x7f.2",
        "0177.0.0.2",
        "2130706434",
        "127.0.0.2.",
        "[::ffff:127.0.0.2]",
        "[::127.0.0.2]",
        "[::1]",
        "0",
        "0.0.0.0",
        "[::]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:2]",
        "[2002:7f00:2::]",
        "224.0.0.1",
        "255.255.255.255",
        "%31%32%37.0.0.2",
        "127。0。0。2",
    ] {
        let script = format!("await caught(fetch('http://{host}:{port}/'))");
        world.check(&isolet, &[(&script, r#""ERR_PERMISSION""#)]).await;
    }
    assert_eq!(world.server.connections(), 0);
    let named = ["0x7f.1", "2130706433", "[::ffff:127.0.0.1]"];
    for host in named {
        let script = format!("const r = await fetch('http://{host}:{port}/say?x'); await r.text()");
        // On some systems a mapped address cannot be connected to, which is no matter of permissions.
        let report = isolet.execute(world.execution(&script)).await;
        let told = world.told(&report);
        assert!(told == r#""x""# || host.contains("ffff") && told.contains("ERR_HTTP_CONNECT"), "{host}: {told}");
    }
}

#[tokio::test]
async fn names_reach_permitted_addresses_only() {
    let world = World::new().await;
    let isolet = world.isolet();
    for (name, addresses) in [
        ("fine.test", "127.0.0.1"),
        ("mixed.test", "127.0.0.2 10.0.0.1 127.0.0.1 ::1"),
        ("mapped.test", "::ffff:127.0.0.2"),
        ("other.test", "127.0.0.2"),
        ("private.test", "10.0.0.1 192.168.0.1 fd00::1"),
        ("metadata.test", "169.254.169.254"),
        ("zero.test", "0.0.0.0 ::"),
        ("translated.test", "64:ff9b::7f00:2"),
        ("nothing.test", ""),
    ] {
        world.names.tell(name, addresses);
    }
    let told = |name: &str| format!("await (await fetch(`http://{name}:${{port}}/say?x`)).text()");
    for name in ["fine.test", "FINE.test", "mixed.test", "fine.test."] {
        world.names.tell("fine.test.", "127.0.0.1");
        world.check(&isolet, &[(&told(name), r#""x""#)]).await;
    }
    for name in ["mapped.test", "other.test", "private.test", "metadata.test", "zero.test", "translated.test"] {
        let expected = format!("sandbox_violation: PermissionError: {name}:PORT {NOT_PERMITTED}");
        world.check(&isolet, &[(&told(name), &expected)]).await;
    }
    for name in ["nothing.test", "unknown.test", "localhost"] {
        let expected = format!("host_error: HttpError: the name {name}:PORT could not be resolved");
        world.check(&isolet, &[(&told(name), &expected)]).await;
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_checked_again() {
    let world = World::new().await;
    let isolet = world.isolet();
    // Each connection has a lookup of its own, and goes to what that gave.
    world.names.tell("rebind.test", "127.0.0.1|127.0.0.2|127.0.0.1|127.0.0.2");
    let once = "caught(http.get(`http://rebind.test:${port}/once`).then(({ body }) => body.length))";
    let script = format!("[await {once}, await {once}, await {once}, await {once}]");
    world.check(&isolet, &[(&script, r#"[4,"ERR_PERMISSION",4,"ERR_PERMISSION"]"#)]).await;
    assert_eq!((world.names.asked("rebind.test"), world.server.connections()), (4, 2));
}

#[tokio::test]
async fn redirects_are_followed_by_hand() {
    let world = World::new().await;
    let isolet = world.isolet();
    world.names.tell("other.test", "127.0.0.2");
    world.names.tell("same.test", "127.0.0.1");
    let to =
        |location: &str, then: &str| format!("await caught(fetch(base + `/redirect/302?{location}`).then({then}))");
    let rows = [
        (to("/say?x", "async (r) => [r.redirected, r.url === base + '/say?x', await r.text()]"), r#"[true,true,"x"]"#),
        (to("${base}/say?y", "(r) => r.text()"), r#""y""#),
        (to("//same.test:${port}/say?z", "(r) => r.text()"), r#""z""#),
        (to("${forbidden}/", "(r) => r.status"), r#""ERR_PERMISSION""#),
        (to("http://2130706434:${port}/", "(r) => r.status"), r#""ERR_PERMISSION""#),
        (to("http://[::ffff:7f00:2]:${port}/", "(r) => r.status"), r#""ERR_PERMISSION""#),
        (to("http://other.test:${port}/", "(r) => r.status"), r#""ERR_PERMISSION""#),
        (to("http://169.254.169.254/latest/meta-data/", "(r) => r.status"), r#""ERR_PERMISSION""#),
        (to("http://user:password@same.test:${port}/", "(r) => r.status"), r#""ERR_HTTP_REDIRECT""#),
        (to("file:///etc/passwd", "(r) => r.status"), r#""ERR_HTTP_REDIRECT""#),
        (to("gopher://127.0.0.1/", "(r) => r.status"), r#""ERR_HTTP_REDIRECT""#),
        (to("http://[", "(r) => r.status"), r#""ERR_HTTP_REDIRECT""#),
        ("(await http.get(base + '/hops?5')).body.length".to_owned(), "7"),
        ("await caught(fetch(base + '/hops?6'))".to_owned(), r#""ERR_HTTP_REDIRECT""#),
        ("await caught(fetch(base + '/hops?999'))".to_owned(), r#""ERR_HTTP_REDIRECT""#),
        ("await caught(fetch(base + '/hops?1', { redirect: 'error' }))".to_owned(), r#""ERR_HTTP_REDIRECT""#),
        (
            "const r = await fetch(base + '/hops?1', { redirect: 'manual' }); [r.status, r.headers.get('location')]".to_owned(),
            r#"[302,"/hops?0"]"#,
        ),
        (
            "const { body: e } = await http.post(base + '/redirect/303?/echo', { a: 1 }); [e.method, e.body, e.headers['content-type'] ?? null]".to_owned(),
            r#"["GET","",null]"#,
        ),
        (
            "const { body: e } = await http.post(base + '/redirect/307?/echo', { a: 1 }); [e.method, e.body]".to_owned(),
            r#"["POST","{\"a\":1}"]"#,
        ),
        (
            "const credentials = { headers: { authorization: 'a', cookie: 'b', 'x-api-key': 'c', accept: 'd' } }; \
             const names = async (url) => Object.keys((await http.get(url, credentials)).body.headers).filter((name) => /^(auth|cook|x-api|acc)/.test(name) && name !== 'accept-encoding'); \
             [await names(base + '/redirect/302?/echo'), await names(base + `/redirect/302?http://same.test:${port}/echo`)]".to_owned(),
            r#"[["authorization","cookie","x-api-key","accept"],["accept"]]"#,
        ),
    ];
    for (script, expected) in &rows {
        // Clones of a script's text differ in the order in which it writes headers only.
        let report = isolet.execute(world.execution(script)).await;
        let told = world.told(&report).replace(
            r#"["accept","authorization","cookie","x-api-key"]"#,
            r#"["authorization","cookie","x-api-key","accept"]"#,
        );
        assert_eq!(told, *expected, "{script}");
        assert_eq!(world.forbidden.connections(), 0, "{script}");
    }
}

#[tokio::test]
async fn errors_tell_no_addresses() {
    let world = World::new().await;
    world.names.tell("private.test", "10.9.8.7");
    let script = "const told = []; for (const name of ['private.test', 'unknown.test']) \
                  try { await fetch(`http://${name}/`) } catch (e) { told.push(JSON.stringify(e) + e.stack + e.message) } told";
    let report = world.isolet().execute(world.execution(script)).await;
    let told = serde_json::to_string(&report).expect("JSON");
    assert!(told.contains("private.test") && told.contains("unknown.test"), "{told}");
    assert!(!told.contains("10.9.8.7") && !told.contains("10.1.2.3"), "{told}");
}
