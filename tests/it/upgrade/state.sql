PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'init','2026-11-27 13:42:51',1,X'5b62fd209707b8e3f5ef35d6e7bc365dd53af872b5081dfecb5f670017536efb930b13d16675c1ee9cc0bd999485beea',8254274);
INSERT INTO _sqlx_migrations VALUES(2,'cloud','2026-11-27 13:42:51',1,X'6d0a0402ca9888a043b5edde6227226e8d145e9a2abb95570cd097cabe59ce3ea9138384dcd7942d040cb828d52fd590',9545883);
INSERT INTO _sqlx_migrations VALUES(7,'existing','2026-11-27 13:42:51',1,X'9540e7f6ecdd6ca2c51c776f3c903fd08e7a69af8639684ad7291134a31866b667a531c7de5dbf900b215e6ed9700a59',1328951);
INSERT INTO _sqlx_migrations VALUES(8,'drift','2026-11-27 13:42:51',1,X'd8aa966334de28586865e92e98cfd8f7b9377d5fb6dcd2d79f9d62b21f94a950037d4dc2a7d239efa3fd1936e39e1ca7',913364);
INSERT INTO _sqlx_migrations VALUES(9,'quiet','2026-11-27 13:42:51',1,X'60d3c8bee7a7af8906fa29004411be47edd55fc76714c6e8ef773526bd7c088ac2396e9ce8b38040383655b156cbd69d',2162596);
INSERT INTO _sqlx_migrations VALUES(10,'maybe disabled','2026-11-27 13:42:51',1,X'63ed6555f72484a44b6e159d641096edab40a4b5d9172d68e3da7a5b4f51573b98ff928cf1dd0420e8808b0a93f7703f',3700906);
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('identity_salt','ec3296eb406d044133ae54077719b1f869b56e4f7e8e914f0cb7d8a1175fbd6e');
CREATE TABLE targets (
    name            TEXT PRIMARY KEY,
    url             TEXT,              -- the device that the snapshot belongs to; null before the first contact
    dialect         TEXT,
    generation      INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    state           TEXT NOT NULL DEFAULT 'clean' CHECK (state IN ('clean', 'dirty', 'quarantined')),
    quarantined_by  TEXT,              -- the check that must hold again
    dirty_since     INTEGER,
    committed_at    INTEGER,           -- last confirmed commit
    paused_reason   TEXT,
    paused_until    TEXT,
    paused_by       TEXT,
    update_checked  INTEGER NOT NULL DEFAULT 0 CHECK (update_checked IN (0, 1)), -- a first update was looked at before and after
    contacted       INTEGER NOT NULL DEFAULT 0 CHECK (contacted IN (0, 1)),      -- first contact is over
    config          TEXT,              -- the target's configuration at the last run, to say what was loosened
    CHECK ((url IS NULL) = (dialect IS NULL)),
    CHECK ((state = 'quarantined') = (quarantined_by IS NOT NULL)),
    CHECK ((state = 'clean') = (dirty_since IS NULL)),
    CHECK ((paused_reason IS NULL) = (paused_by IS NULL)),
    CHECK (paused_until IS NULL OR paused_reason IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO targets VALUES('hq','embedded','updater-cloud',10,'clean',NULL,NULL,1795786972396,NULL,NULL,NULL,0,1,'{"name":"hq","url":"embedded","dialect":"updater-cloud","key":null,"allow":["add","update","rename","enable","disable","delete"],"protect":[],"keep_tag":"","existing":"report","on_missing_group":"block","on_missing_role":"block","create_groups":false,"create_groups_below":["/"],"look":"erasing","verify":"none","max_duration":"4h","select":{},"manage":{"group":"always","note":"always","phone":"always","roles":"always","enabled":"own","auth":"create","adopted":{"group":null,"note":null,"phone":null,"roles":null,"enabled":null,"auth":null}},"token":{"digest":null,"recipe":null,"send_timestamp":null},"tls":{"pin_sha256":null,"ca_file":null,"system":false,"insecure":false,"backend":"rustls"},"pace":{"concurrency":1,"calls_per_minute":0,"timeout":"10s","retries":4,"delete_batch":50},"leavers":{"action":"disable","delete_after":"30d","adopted":"disable","missing_runs":1,"missing_for":"0s","kick_online":false},"guard":{"hold":"all","max_missing":50.0,"max_missing_percent":5.0,"max_left_percent":20.0,"max_deselected":20.0,"max_add":1.0,"max_change_percent":50.0,"max_rename":20.0,"max_new_groups":10.0,"max_shrink_percent":20.0,"max_fill_drop_percent":20.0,"max_department_loss_percent":50.0,"max_deletes_24h":100.0,"max_deletes_7d":300.0,"max_accounts":"off","max_failed_percent":20.0,"first_contact":"hold","target_changed":"hold","replayed_roster":"hold","missing_file":"hold","sensitive_roles":[],"max_sensitive_grants":5.0,"fields":{}},"auth":{"updates_erase_password":false,"mode":"inherit","server":null,"servers":{}},"initial_password":{"mode":"none","sink":null,"length":16,"classes":["lower","upper","digit"],"template":null}}');
CREATE TABLE people (
    person     TEXT PRIMARY KEY,
    sources    TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(sources)),
    identity   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(identity)),
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO people VALUES('00001','[]','{"marks":{"name":["3ff8fe6b880afcc4"],"phone":["4794a00cbac5860b"]},"retired":false}',1795786971600);
INSERT INTO people VALUES('00002','[]','{"marks":{"name":["9b82b33943b60c24"],"phone":["c6f4e6324d84939c"]},"retired":false}',1795786971600);
INSERT INTO people VALUES('00003','[]','{"marks":{"name":["80f61a36d7cbb601"],"phone":["eeb1828413e0e95c"]},"retired":false}',1795786971600);
INSERT INTO people VALUES('00005','[]','{"marks":{"name":["08a0795eeb0fe6d7"],"phone":["75936e205bb1e867"]},"retired":false}',1795786971600);
INSERT INTO people VALUES('00006','[]','{"marks":{"name":["ce08937d0c738afb"],"phone":["54412431591f5423"]},"retired":false}',1795786971600);
INSERT INTO people VALUES('00007','[]','{"marks":{"name":["5c21975044e6d852"],"phone":["863d5614b6c6753a"]},"retired":false}',1795786971837);
INSERT INTO people VALUES('00009','[]','{"marks":{"name":["1026cc757cebe728"],"phone":["488d708b9124132f"]},"retired":false}',1795786972603);
INSERT INTO people VALUES('00010','[]','{"marks":{"name":["1bfb4eeb80512a5b"],"phone":["925590c51d99a01e"]},"retired":false}',1795786972603);
CREATE TABLE links (
    target    TEXT NOT NULL REFERENCES targets (name),
    person    TEXT NOT NULL,
    username  TEXT NOT NULL,
    PRIMARY KEY (target, person),
    UNIQUE (target, username)
) STRICT, WITHOUT ROWID;
CREATE TABLE groups (
    target    TEXT NOT NULL REFERENCES targets (name),
    path      TEXT NOT NULL CHECK (path LIKE '/%'),
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (target, path)
) STRICT, WITHOUT ROWID;
INSERT INTO "groups" VALUES('hq','/总公司/市场部',1795786971614);
INSERT INTO "groups" VALUES('hq','/总公司/财务部',1795786971614);
INSERT INTO "groups" VALUES('hq','/总公司/销售部',1795786971614);
CREATE TABLE plans (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target      TEXT NOT NULL REFERENCES targets (name),
    digest      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    body        TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
INSERT INTO plans VALUES(1,'hq','0d46f91180d5f661fb875ca5a6c5ba488f60175954e3b085e6fc6743ceecfc8b',1795786971603,'{"target":"hq","as_of":"2026-11-27","inputs":{"roster":"54f5bd3072e19b7a703cc0a27760391e472cb5eb0044619f9125b7081c9efc40","snapshot":"56eb88aadb881f17f0e6879aef681dbd005a4a7567951d4cc2016a33ce351919","config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"5f14277b3e143b9ca7a2a4e8803f2db81a7bbefe544ec80e67e20031713893b3"},"create_groups":[],"actions":[{"kind":"add","person":"00001","username":"00001","new_username":"00001","reason":"joined","source":{"file":"staff.csv","line":2},"changes":{},"after":{"group":"/总公司/销售部","note":"王芳-经理","phone":"13800000001","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"add","person":"00002","username":"00002","new_username":"00002","reason":"joined","source":{"file":"staff.csv","line":3},"changes":{},"after":{"group":"/总公司/销售部","note":"李娜-专员","phone":"13800000002","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"add","person":"00003","username":"00003","new_username":"00003","reason":"joined","source":{"file":"staff.csv","line":4},"changes":{},"after":{"group":"/总公司/市场部","note":"张伟-专员","phone":"13800000003","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"add","person":"00005","username":"00005","new_username":"00005","reason":"joined","source":{"file":"staff.csv","line":5},"changes":{},"after":{"group":"/总公司/财务部","note":"陈静-会计","phone":"13800000005","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"add","person":"00006","username":"00006","new_username":"00006","reason":"joined","source":{"file":"staff.csv","line":6},"changes":{},"after":{"group":"/总公司/财务部","note":"杨帆-会计","phone":"13800000006","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null}],"blocked":[],"groups":[{"path":"/总公司/市场部","state":"exists","people":1},{"path":"/总公司/财务部","state":"exists","people":2},{"path":"/总公司/销售部","state":"exists","people":2}],"held_by":[],"allowed":[],"counts":{"add":5,"adopt":0,"update":0,"rename":0,"enable":0,"disable":0,"delete":0,"unchanged":0,"withheld":0,"blocked":0,"failed":0},"changed_fields":{}}');
INSERT INTO plans VALUES(2,'hq','d728fa35e7bb7b30b57a79e84e714f55f89d2da27c14ba3fd9e333157939d4dc',1795786971868,'{"target":"hq","as_of":"2026-11-27","inputs":{"roster":"cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e","snapshot":"3a37c6cdd7de31d2eb6ad1249dc154872755fb435af453cc0eedb0d361166953","config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"5f14277b3e143b9ca7a2a4e8803f2db81a7bbefe544ec80e67e20031713893b3"},"create_groups":[],"actions":[{"kind":"update","person":"00001","username":"00001","new_username":"00001","reason":"changed","source":{"file":"staff.csv","line":2},"changes":{"group":["/总公司/销售部","/总公司/市场部"]},"after":{"group":"/总公司/市场部","note":"王芳-经理","phone":"13800000001","roles":[],"enabled":true,"expires_on":null},"auth":null,"withheld_by":null},{"kind":"update","person":"00003","username":"00003","new_username":"00003","reason":"changed","source":{"file":"staff.csv","line":4},"changes":{"note":["张伟-专员","张伟-主管"]},"after":{"group":"/总公司/市场部","note":"张伟-主管","phone":"13800000003","roles":[],"enabled":true,"expires_on":null},"auth":null,"withheld_by":null},{"kind":"add","person":"00007","username":"00007","new_username":"00007","reason":"joined","source":{"file":"staff.csv","line":7},"changes":{},"after":{"group":"/总公司/财务部","note":"赵磊-会计","phone":"13800000007","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"disable","person":"00002","username":"00002","new_username":"00002","reason":"left","source":{"file":"staff.csv","line":3},"changes":{"enabled":["true","false"]},"after":{"group":"/总公司/销售部","note":"李娜-专员","phone":"13800000002","roles":[],"enabled":false,"expires_on":null},"auth":null,"withheld_by":null}],"blocked":[{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","by_gateway":false,"file":"staff.csv","line":8,"since":"2026-11-27"}],"groups":[{"path":"/总公司/市场部","state":"exists","people":1},{"path":"/总公司/财务部","state":"exists","people":1}],"held_by":[],"allowed":[],"counts":{"add":1,"adopt":0,"update":2,"rename":0,"enable":0,"disable":1,"delete":0,"unchanged":2,"withheld":0,"blocked":1,"failed":0},"changed_fields":{"group":1,"note":1}}');
INSERT INTO plans VALUES(3,'hq','4f3d9111ca92c0926062e774ec4c43899a0d764af8b95e169b3ee1d03e4585b2',1795786972374,'{"target":"hq","as_of":"2026-11-27","inputs":{"roster":"cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e","snapshot":"b9acdfb6353a2beb4e8b5d64cf30fe4e67e1855ea997101e52e77bdc43a9f3c4","config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"a8c4a4fc13607834c5beeaa24da1a21e92206c1997f916b6cb1dbe751054e3b6"},"create_groups":[],"actions":[{"kind":"disable","person":"00005","username":"00005","new_username":"00005","reason":"suspended","source":null,"changes":{"enabled":["true","false"]},"after":{"group":"/总公司/财务部","note":"陈静-会计","phone":"13800000005","roles":[],"enabled":false,"expires_on":null},"auth":null,"withheld_by":null}],"blocked":[{"person":"00006","username":"00006","reason":"hold","detail":"held by an override: on a long leave","by_gateway":false,"file":null,"line":null,"since":"2026-11-27"},{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","by_gateway":false,"file":"staff.csv","line":8,"since":"2026-11-27"}],"groups":[],"held_by":[],"allowed":[],"counts":{"add":0,"adopt":0,"update":0,"rename":0,"enable":0,"disable":1,"delete":0,"unchanged":4,"withheld":0,"blocked":2,"failed":0},"changed_fields":{}}');
INSERT INTO plans VALUES(4,'hq','c918ec2a95f15618b6177a489d728f209dffdcdf4753e82e26483a7030317922',1795786972606,'{"target":"hq","as_of":"2026-11-27","inputs":{"roster":"5492fec66ee20d1b26fbfee29262bfa0fedd9d1568696f0639ca498bd9545bc0","snapshot":"9f24c5d9ca48acb49f4ed9d70403f9f5897d6884cbbe3b10b4fb5f73a892da52","config":"32428d6ac806726495d0c60d7d06f63366e80d2ec122f0537887b7312938a970","overrides":"a8c4a4fc13607834c5beeaa24da1a21e92206c1997f916b6cb1dbe751054e3b6"},"create_groups":[],"actions":[{"kind":"add","person":"00009","username":"00009","new_username":"00009","reason":"joined","source":{"file":"staff.csv","line":9},"changes":{},"after":{"group":"/总公司/市场部","note":"周敏-专员","phone":"13800000009","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null},{"kind":"add","person":"00010","username":"00010","new_username":"00010","reason":"joined","source":{"file":"staff.csv","line":10},"changes":{},"after":{"group":"/总公司/市场部","note":"吴昊-专员","phone":"13800000010","roles":[],"enabled":true,"expires_on":null},"auth":"inherit","withheld_by":null}],"blocked":[{"person":"00005","username":"00005","reason":"suspended","detail":"suspended by an override: lost laptop","by_gateway":false,"file":null,"line":null,"since":"2026-11-27"},{"person":"00006","username":"00006","reason":"hold","detail":"held by an override: on a long leave","by_gateway":false,"file":null,"line":null,"since":"2026-11-27"},{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","by_gateway":false,"file":"staff.csv","line":8,"since":"2026-11-27"}],"groups":[{"path":"/总公司/市场部","state":"exists","people":2}],"held_by":[{"guard":"max_add","limit":1.0,"actual":2.0,"detail":"2 people would be added, the limit is 1. If this is right: rosterd approve RUN --reason TEXT, or --allow-guard max_add --reason TEXT.","hold":"all","approvable":true,"set":[{"person":"00009","username":"00009","kind":"add","reason":"joined","what":null},{"person":"00010","username":"00010","kind":"add","reason":"joined","what":null}]}],"allowed":[],"counts":{"add":2,"adopt":0,"update":0,"rename":0,"enable":0,"disable":0,"delete":0,"unchanged":4,"withheld":0,"blocked":3,"failed":0},"changed_fields":{}}');
CREATE TABLE runs (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    target         TEXT NOT NULL REFERENCES targets (name),
    dry            INTEGER NOT NULL CHECK (dry IN (0, 1)),
    trigger        TEXT NOT NULL CHECK (trigger IN ('cli', 'schedule', 'watch', 'signal', 'web')),
    actor          TEXT NOT NULL CHECK (json_valid(actor)),
    version        TEXT NOT NULL,
    config_digest  TEXT NOT NULL,
    started_at     INTEGER NOT NULL,
    as_of          TEXT NOT NULL,
    roster_digest  TEXT,
    plan_id        INTEGER REFERENCES plans (id),
    ended_at       INTEGER,
    outcome        TEXT CHECK (outcome IN ('no_changes', 'planned', 'applied', 'partial', 'held', 'failed', 'locked', 'unconfirmed', 'crashed')),
    exit_code      INTEGER,
    commit_state   TEXT CHECK (commit_state IN ('none', 'confirmed', 'unconfirmed', 'withheld')),
    report         TEXT CHECK (report IS NULL OR json_valid(report)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK ((exit_code IS NULL) = (outcome IS NULL OR outcome = 'crashed')),
    CHECK (outcome IS NOT 'planned' OR dry = 1),
    CHECK (dry = 0 OR commit_state IS NULL OR commit_state IN ('none', 'withheld'))
) STRICT;
INSERT INTO runs VALUES(1,'hq',0,'cli','{"uid":0,"login_uid":null,"name":"root"}','0.1.0','648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75',1795786971562,'2026-11-27','54f5bd3072e19b7a703cc0a27760391e472cb5eb0044619f9125b7081c9efc40',1,1795786971652,'applied',0,'confirmed','{"target":"hq","run_id":"1","plan":{"id":"1","digest":"0d46f91180d5f661fb875ca5a6c5ba488f60175954e3b085e6fc6743ceecfc8b"},"outcome":"applied","exit_code":0,"counts":{"add":5,"adopt":0,"update":0,"rename":0,"enable":0,"disable":0,"delete":0,"unchanged":0,"withheld":0,"blocked":0,"failed":0},"changed_fields":{},"calls":{"mutations":5,"queries":8,"commits":1,"retries":0},"commit":"confirmed","state":"clean","held_by":[],"approval":null,"failures":[],"duration_ms":89,"groups":[{"path":"/总公司/市场部","state":"exists","people":1},{"path":"/总公司/财务部","state":"exists","people":2},{"path":"/总公司/销售部","state":"exists","people":2}],"blocked":[]}');
INSERT INTO runs VALUES(2,'hq',0,'cli','{"uid":0,"login_uid":null,"name":"root"}','0.1.0','648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75',1795786971789,'2026-11-27','cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e',2,1795786971923,'applied',0,'confirmed','{"target":"hq","run_id":"2","plan":{"id":"2","digest":"d728fa35e7bb7b30b57a79e84e714f55f89d2da27c14ba3fd9e333157939d4dc"},"outcome":"applied","exit_code":0,"counts":{"add":1,"adopt":0,"update":2,"rename":0,"enable":0,"disable":1,"delete":0,"unchanged":2,"withheld":0,"blocked":1,"failed":0},"changed_fields":{"group":1,"note":1},"calls":{"mutations":4,"queries":4,"commits":1,"retries":0},"commit":"confirmed","state":"clean","held_by":[],"approval":null,"failures":[],"duration_ms":133,"groups":[{"path":"/总公司/市场部","state":"exists","people":1},{"path":"/总公司/财务部","state":"exists","people":1}],"blocked":[{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","file":"staff.csv","line":8,"since":"2026-11-27"}]}');
INSERT INTO runs VALUES(3,'hq',0,'cli','{"uid":0,"login_uid":null,"name":"root"}','0.1.0','648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75',1795786972345,'2026-11-27','cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e',3,1795786972402,'applied',0,'confirmed','{"target":"hq","run_id":"3","plan":{"id":"3","digest":"4f3d9111ca92c0926062e774ec4c43899a0d764af8b95e169b3ee1d03e4585b2"},"outcome":"applied","exit_code":0,"counts":{"add":0,"adopt":0,"update":0,"rename":0,"enable":0,"disable":1,"delete":0,"unchanged":4,"withheld":0,"blocked":2,"failed":0},"changed_fields":{},"calls":{"mutations":1,"queries":2,"commits":1,"retries":0},"commit":"confirmed","state":"clean","held_by":[],"approval":null,"failures":[],"duration_ms":57,"groups":[],"blocked":[{"person":"00006","username":"00006","reason":"hold","detail":"held by an override: on a long leave","file":null,"line":null,"since":"2026-11-27"},{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","file":"staff.csv","line":8,"since":"2026-11-27"}]}');
INSERT INTO runs VALUES(4,'hq',0,'cli','{"uid":0,"login_uid":null,"name":"root"}','0.1.0','d040789e31e7c8c2c1de13ad70e870e583f6cb715b0f67975b8590277d88c9a4',1795786972581,'2026-11-27','5492fec66ee20d1b26fbfee29262bfa0fedd9d1568696f0639ca498bd9545bc0',4,1795786972619,'held',4,'none','{"target":"hq","run_id":"4","plan":{"id":"4","digest":"c918ec2a95f15618b6177a489d728f209dffdcdf4753e82e26483a7030317922"},"outcome":"held","exit_code":4,"counts":{"add":2,"adopt":0,"update":0,"rename":0,"enable":0,"disable":0,"delete":0,"unchanged":4,"withheld":0,"blocked":3,"failed":0},"changed_fields":{},"calls":{"mutations":0,"queries":0,"commits":0,"retries":0},"commit":"none","state":"clean","held_by":[{"guard":"max_add","limit":1.0,"actual":2.0,"detail":"2 people would be added, the limit is 1. If this is right: rosterd approve RUN --reason TEXT, or --allow-guard max_add --reason TEXT."}],"approval":null,"failures":[],"duration_ms":38,"groups":[{"path":"/总公司/市场部","state":"exists","people":2}],"blocked":[{"person":"00005","username":"00005","reason":"suspended","detail":"suspended by an override: lost laptop","file":null,"line":null,"since":"2026-11-27"},{"person":"00006","username":"00006","reason":"hold","detail":"held by an override: on a long leave","file":null,"line":null,"since":"2026-11-27"},{"person":"00008","username":null,"reason":"unknown_status","detail":"不明","file":"staff.csv","line":8,"since":"2026-11-27"}]}');
CREATE TABLE calls (
    run           INTEGER NOT NULL REFERENCES runs (id),
    seq           INTEGER NOT NULL CHECK (seq > 0),
    kind          TEXT NOT NULL CHECK (kind IN ('add', 'update', 'delete', 'add_group', 'kick', 'commit')),
    payload       TEXT NOT NULL,       -- BLAKE3 of what is sent, without password
    state         TEXT NOT NULL CHECK (state IN ('sending', 'applied', 'refused', 'not_sent', 'unknown', 'done', 'undone')),
    attempts      INTEGER NOT NULL DEFAULT 1 CHECK (attempts > 0),
    first_sent_at INTEGER NOT NULL,
    last_sent_at  INTEGER NOT NULL CHECK (last_sent_at >= first_sent_at OR attempts > 1),
    answered_at   INTEGER,
    code          INTEGER,
    message       TEXT,
    PRIMARY KEY (run, seq),
    CHECK (state <> 'sending' OR answered_at IS NULL),
    CHECK (state <> 'refused' OR code IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES(1,1,'add','4622289307552ce773e662892ad2b5b871cd63a0a8fb8fcf0a84370f32aa958a','applied',1,1795786971620,1795786971620,1795786971623,0,NULL);
INSERT INTO calls VALUES(1,2,'add','37368fae2d1beb1a00d76f2fbca0911510e0fd86c2b2358f6e2d37ff2752455f','applied',1,1795786971625,1795786971625,1795786971628,0,NULL);
INSERT INTO calls VALUES(1,3,'add','5930c18135c566966796c5442a660739a56e30450e8b2f561689cf778ecbb324','applied',1,1795786971629,1795786971629,1795786971631,0,NULL);
INSERT INTO calls VALUES(1,4,'add','204dba5beb47554c19aee713683d33bdcd2fe3eecdf192050c965a15878538ff','applied',1,1795786971633,1795786971633,1795786971635,0,NULL);
INSERT INTO calls VALUES(1,5,'add','76516d80ae634fd129af69e1abea8646776970212853e09834d28d3c97fd3636','applied',1,1795786971636,1795786971636,1795786971639,0,NULL);
INSERT INTO calls VALUES(1,6,'commit','commit','applied',1,1795786971644,1795786971644,1795786971646,0,NULL);
INSERT INTO calls VALUES(2,1,'update','e257ed4dd34bef07bad7d290b786867c878b7dc072b50a81d773f4b4dcca254c','applied',1,1795786971881,1795786971881,1795786971884,0,NULL);
INSERT INTO calls VALUES(2,2,'update','521e85e1adb26ea38e681d7f79d7697e6ce3626e986b80e7ea81a4fb86dc846f','applied',1,1795786971887,1795786971887,1795786971889,0,NULL);
INSERT INTO calls VALUES(2,3,'add','f964181d84049b0090e7659742c3179edf3cb30a55614c9c27f36c2bf10bb328','applied',1,1795786971891,1795786971891,1795786971893,0,NULL);
INSERT INTO calls VALUES(2,4,'update','133099751d195f15ca7ed442911cfb712b1b3278bad14654ad856e53f95282da','applied',1,1795786971896,1795786971896,1795786971909,0,NULL);
INSERT INTO calls VALUES(2,5,'commit','commit','applied',1,1795786971913,1795786971913,1795786971916,0,NULL);
INSERT INTO calls VALUES(3,1,'update','e7cb216a01d27423f3800de85d68c213f3882777390e4302b7490e28982f1463','applied',1,1795786972385,1795786972385,1795786972389,0,NULL);
INSERT INTO calls VALUES(3,2,'commit','commit','applied',1,1795786972393,1795786972393,1795786972396,0,NULL);
CREATE TABLE intents (
    run          INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    target       TEXT NOT NULL REFERENCES targets (name),
    person       TEXT NOT NULL,
    username     TEXT NOT NULL,
    new_username TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('add', 'adopt', 'update', 'rename', 'enable', 'disable', 'delete')),
    reason       TEXT NOT NULL,
    before       TEXT CHECK (before IS NULL OR json_valid(before)),
    after        TEXT CHECK (after IS NULL OR json_valid(after)),
    origin       TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    source       TEXT CHECK (source IS NULL OR json_valid(source)),
    state        TEXT NOT NULL CHECK (state IN ('sending', 'applied', 'refused', 'not_sent', 'unknown', 'done', 'undone')),
    unsettled    INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    settled_at   INTEGER,
    audited      INTEGER NOT NULL DEFAULT 0 CHECK (audited IN (0, 1)),
    PRIMARY KEY (run, seq, person),
    FOREIGN KEY (run, seq) REFERENCES calls (run, seq),
    CHECK ((after IS NULL) = (kind = 'delete')),
    CHECK (kind = 'rename' OR username = new_username),
    CHECK (state NOT IN ('done', 'undone') OR settled_at IS NOT NULL),
    CHECK (state <> 'unknown' OR unsettled = 1)
) STRICT, WITHOUT ROWID;
INSERT INTO intents VALUES(1,1,'hq','00001','00001','00001','add','joined',NULL,'{"group":"/总公司/销售部","note":"王芳-经理","phone":"13800000001","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":2}','applied',0,1795786971623,1);
INSERT INTO intents VALUES(1,2,'hq','00002','00002','00002','add','joined',NULL,'{"group":"/总公司/销售部","note":"李娜-专员","phone":"13800000002","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":3}','applied',0,1795786971628,1);
INSERT INTO intents VALUES(1,3,'hq','00003','00003','00003','add','joined',NULL,'{"group":"/总公司/市场部","note":"张伟-专员","phone":"13800000003","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":4}','applied',0,1795786971631,1);
INSERT INTO intents VALUES(1,4,'hq','00005','00005','00005','add','joined',NULL,'{"group":"/总公司/财务部","note":"陈静-会计","phone":"13800000005","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":5}','applied',0,1795786971635,1);
INSERT INTO intents VALUES(1,5,'hq','00006','00006','00006','add','joined',NULL,'{"group":"/总公司/财务部","note":"杨帆-会计","phone":"13800000006","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":6}','applied',0,1795786971639,1);
INSERT INTO intents VALUES(2,1,'hq','00001','00001','00001','update','changed','{"username":"00001","origin":"created","state":{"group":"/总公司/销售部","note":"王芳-经理","phone":"13800000001","roles":[],"enabled":true,"expires_on":null},"gateway_id":"3","disabled":null,"unknown":false}','{"group":"/总公司/市场部","note":"王芳-经理","phone":"13800000001","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":2}','applied',0,1795786971884,1);
INSERT INTO intents VALUES(2,2,'hq','00003','00003','00003','update','changed','{"username":"00003","origin":"created","state":{"group":"/总公司/市场部","note":"张伟-专员","phone":"13800000003","roles":[],"enabled":true,"expires_on":null},"gateway_id":"6","disabled":null,"unknown":false}','{"group":"/总公司/市场部","note":"张伟-主管","phone":"13800000003","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":4}','applied',0,1795786971889,1);
INSERT INTO intents VALUES(2,3,'hq','00007','00007','00007','add','joined',NULL,'{"group":"/总公司/财务部","note":"赵磊-会计","phone":"13800000007","roles":[],"enabled":true,"expires_on":null}','created','{"file":"staff.csv","line":7}','applied',0,1795786971893,1);
INSERT INTO intents VALUES(2,4,'hq','00002','00002','00002','disable','left','{"username":"00002","origin":"created","state":{"group":"/总公司/销售部","note":"李娜-专员","phone":"13800000002","roles":[],"enabled":true,"expires_on":null},"gateway_id":"4","disabled":null,"unknown":false}','{"group":"/总公司/销售部","note":"李娜-专员","phone":"13800000002","roles":[],"enabled":false,"expires_on":null}','created','{"file":"staff.csv","line":3}','applied',0,1795786971909,1);
INSERT INTO intents VALUES(3,1,'hq','00005','00005','00005','disable','suspended','{"username":"00005","origin":"created","state":{"group":"/总公司/财务部","note":"陈静-会计","phone":"13800000005","roles":[],"enabled":true,"expires_on":null},"gateway_id":"8","disabled":null,"unknown":false}','{"group":"/总公司/财务部","note":"陈静-会计","phone":"13800000005","roles":[],"enabled":false,"expires_on":null}','created',NULL,'applied',0,1795786972389,1);
CREATE TABLE account_versions (
    target    TEXT NOT NULL REFERENCES targets (name),
    person    TEXT NOT NULL,
    from_run  INTEGER NOT NULL REFERENCES runs (id),
    from_at   INTEGER NOT NULL,
    to_run    INTEGER REFERENCES runs (id),
    to_at     INTEGER,
    username  TEXT NOT NULL,
    fields    TEXT NOT NULL CHECK (json_valid(fields)),
    PRIMARY KEY (target, person, from_at, from_run),
    CHECK ((to_run IS NULL) = (to_at IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO account_versions VALUES('hq','00001',1,1795786971623,2,1795786971884,'00001','{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"王芳-经理","origin":"created","phone":"13800000001","roles":[]}');
INSERT INTO account_versions VALUES('hq','00001',2,1795786971884,NULL,NULL,'00001','{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"王芳-经理","origin":"created","phone":"13800000001","roles":[]}');
INSERT INTO account_versions VALUES('hq','00002',1,1795786971628,2,1795786971909,'00002','{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"李娜-专员","origin":"created","phone":"13800000002","roles":[]}');
INSERT INTO account_versions VALUES('hq','00002',2,1795786971909,NULL,NULL,'00002','{"enabled":false,"expires_on":null,"group":"/总公司/销售部","note":"李娜-专员","origin":"created","phone":"13800000002","roles":[]}');
INSERT INTO account_versions VALUES('hq','00003',1,1795786971631,2,1795786971889,'00003','{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"张伟-专员","origin":"created","phone":"13800000003","roles":[]}');
INSERT INTO account_versions VALUES('hq','00003',2,1795786971889,NULL,NULL,'00003','{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"张伟-主管","origin":"created","phone":"13800000003","roles":[]}');
INSERT INTO account_versions VALUES('hq','00005',1,1795786971635,3,1795786972389,'00005','{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"陈静-会计","origin":"created","phone":"13800000005","roles":[]}');
INSERT INTO account_versions VALUES('hq','00005',3,1795786972389,NULL,NULL,'00005','{"enabled":false,"expires_on":null,"group":"/总公司/财务部","note":"陈静-会计","origin":"created","phone":"13800000005","roles":[]}');
INSERT INTO account_versions VALUES('hq','00006',1,1795786971639,NULL,NULL,'00006','{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"杨帆-会计","origin":"created","phone":"13800000006","roles":[]}');
INSERT INTO account_versions VALUES('hq','00007',2,1795786971893,NULL,NULL,'00007','{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"赵磊-会计","origin":"created","phone":"13800000007","roles":[]}');
CREATE TABLE approvals (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target      TEXT NOT NULL REFERENCES targets (name),
    run         INTEGER NOT NULL REFERENCES runs (id),
    sets        TEXT NOT NULL CHECK (json_valid(sets)),
    reason      TEXT NOT NULL CHECK (reason <> ''),
    actor       TEXT NOT NULL CHECK (json_valid(actor)),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL CHECK (expires_at > created_at),
    used_run    INTEGER REFERENCES runs (id),
    used_at     INTEGER,
    CHECK ((used_run IS NULL) = (used_at IS NULL))
) STRICT;
INSERT INTO approvals VALUES(1,'hq',4,'[["max_add",[{"person":"00009","username":"00009","kind":"add","reason":"joined","what":null},{"person":"00010","username":"00010","kind":"add","reason":"joined","what":null}]]]','both are expected','{"uid":0,"login_uid":null,"name":"root"}',1795786972762,4949386972762,NULL,NULL);
CREATE TABLE blocked (
    target   TEXT NOT NULL REFERENCES targets (name),
    person   TEXT NOT NULL,
    reason   TEXT NOT NULL,
    since    TEXT NOT NULL,
    run      INTEGER NOT NULL REFERENCES runs (id),
    PRIMARY KEY (target, person, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO blocked VALUES('hq','00005','suspended','2026-11-27',4);
INSERT INTO blocked VALUES('hq','00006','hold','2026-11-27',4);
INSERT INTO blocked VALUES('hq','00008','unknown_status','2026-11-27',4);
CREATE TABLE missing (
    target        TEXT NOT NULL REFERENCES targets (name),
    person        TEXT NOT NULL,
    roster_digest TEXT NOT NULL,
    seen_at       INTEGER NOT NULL,
    PRIMARY KEY (target, person, roster_digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE applied_rosters (
    target   TEXT NOT NULL REFERENCES targets (name),
    run      INTEGER NOT NULL REFERENCES runs (id),
    digest   TEXT NOT NULL,
    at       INTEGER NOT NULL,
    facts    TEXT NOT NULL CHECK (json_valid(facts)),
    PRIMARY KEY (target, run)
) STRICT, WITHOUT ROWID;
INSERT INTO applied_rosters VALUES('hq',1,'54f5bd3072e19b7a703cc0a27760391e472cb5eb0044619f9125b7081c9efc40',1795786971648,'{}');
INSERT INTO applied_rosters VALUES('hq',2,'cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e',1795786971919,'{}');
INSERT INTO applied_rosters VALUES('hq',3,'cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e',1795786972398,'{"digest":"cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e","sources":{"hr":{"rows":6,"fill":{"employee_id":100.0,"name":100.0,"department":100.0,"position":100.0,"phone":100.0,"status":100.0},"files":["staff.csv"]}},"departments":{"/总公司/市场部":2,"/总公司/财务部":3}}');
CREATE TABLE overrides (
    person     TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('suspend', 'hold')),
    until      TEXT,
    reason     TEXT NOT NULL CHECK (reason <> ''),
    actor      TEXT NOT NULL CHECK (json_valid(actor)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO overrides VALUES('00005','suspend',NULL,'lost laptop','{"uid":0,"login_uid":null,"name":"root"}',1795786972035);
INSERT INTO overrides VALUES('00006','hold',NULL,'on a long leave','{"uid":0,"login_uid":null,"name":"root"}',1795786972105);
CREATE TABLE ticks (
    name       TEXT PRIMARY KEY,
    served_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    seq           INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    target        TEXT,
    run           INTEGER,
    body          TEXT NOT NULL CHECK (json_valid(body)),
    personal_hash TEXT,
    prev          TEXT NOT NULL,
    digest        TEXT NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,1795786971562,'run_started','hq',1,'{"actor":{"login_uid":null,"name":"root","uid":0},"as_of":"2026-11-27","config":"648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75","crashed":[],"dry":false,"trigger":"cli","version":"0.1.0"}',NULL,'rosterd','a5d671d4e3c6eff834e7c2bd898ec5949f53f1a167c9887edc94370c1857874f');
INSERT INTO audit VALUES(2,1795786971603,'planned','hq',1,'{"counts":{"add":5,"adopt":0,"blocked":0,"delete":0,"disable":0,"enable":0,"failed":0,"rename":0,"unchanged":0,"update":0,"withheld":0},"digest":"0d46f91180d5f661fb875ca5a6c5ba488f60175954e3b085e6fc6743ceecfc8b","held_by":[],"inputs":{"config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"5f14277b3e143b9ca7a2a4e8803f2db81a7bbefe544ec80e67e20031713893b3","roster":"54f5bd3072e19b7a703cc0a27760391e472cb5eb0044619f9125b7081c9efc40","snapshot":"56eb88aadb881f17f0e6879aef681dbd005a4a7567951d4cc2016a33ce351919"},"plan":1}',NULL,'a5d671d4e3c6eff834e7c2bd898ec5949f53f1a167c9887edc94370c1857874f','b582c6f1a66d40720fa1704f0313ef4da6b2871ef5d3e63b752ac47f8b47c79a');
INSERT INTO audit VALUES(3,1795786971640,'action','hq',1,'{"code":0,"kind":"add","reason":"joined","sent_in_run":1,"seq":1,"source":{"file":"staff.csv","line":2},"state":"applied"}','00c11ca3b25bd37306d8b96ca2d661145544e56ae7a3ec8b4365f063298eb66c','b582c6f1a66d40720fa1704f0313ef4da6b2871ef5d3e63b752ac47f8b47c79a','f7aba3720b0b9fc32bda02ec72bc92dc1920c05bc73bdcd0a948ba0fd0bd8f25');
INSERT INTO audit VALUES(4,1795786971640,'action','hq',1,'{"code":0,"kind":"add","reason":"joined","sent_in_run":1,"seq":2,"source":{"file":"staff.csv","line":3},"state":"applied"}','9716c893e626943879147837c65c6adfc0d44d7519e5d3689ef844fbf4b8760c','f7aba3720b0b9fc32bda02ec72bc92dc1920c05bc73bdcd0a948ba0fd0bd8f25','7b5233e131bcbc3bb609dbce8e31538641341a21a938dbe91beea9dcdcc92584');
INSERT INTO audit VALUES(5,1795786971640,'action','hq',1,'{"code":0,"kind":"add","reason":"joined","sent_in_run":1,"seq":3,"source":{"file":"staff.csv","line":4},"state":"applied"}','00bdbed0448664306e82556f9bd2a15983de93b1ce147796f1bcd1b506975b24','7b5233e131bcbc3bb609dbce8e31538641341a21a938dbe91beea9dcdcc92584','8c0568058c1e2f47cfa422897a80126df4d6730206529555c492e91f66380ff9');
INSERT INTO audit VALUES(6,1795786971640,'action','hq',1,'{"code":0,"kind":"add","reason":"joined","sent_in_run":1,"seq":4,"source":{"file":"staff.csv","line":5},"state":"applied"}','258c65513624e889909db18742ab3abfe9d1ac6a9d04ca5aa5f0e71b727a47fd','8c0568058c1e2f47cfa422897a80126df4d6730206529555c492e91f66380ff9','2d4aba7e15b121d23fab545dacb83aabe21352ecb0a1dcf602ac2f1b9c7b003b');
INSERT INTO audit VALUES(7,1795786971640,'action','hq',1,'{"code":0,"kind":"add","reason":"joined","sent_in_run":1,"seq":5,"source":{"file":"staff.csv","line":6},"state":"applied"}','d4064995e57af999aeb3ab390e6be1b8fa246a49d5bf345e467018cf77d423c9','2d4aba7e15b121d23fab545dacb83aabe21352ecb0a1dcf602ac2f1b9c7b003b','cf595534c7666e7442f3b5f6ed282418cb4d4758a28172a6b473ff7eeff3fcb6');
INSERT INTO audit VALUES(8,1795786971646,'commit','hq',1,'{"code":0,"state":"applied"}',NULL,'cf595534c7666e7442f3b5f6ed282418cb4d4758a28172a6b473ff7eeff3fcb6','403f48fe42a0ddd17db10d56583731731bc8c7affe10631ad3374e59675a7b11');
INSERT INTO audit VALUES(9,1795786971652,'run_ended','hq',1,'{"calls":{"commits":1,"mutations":5,"queries":8,"retries":0},"commit":"confirmed","counts":{"add":5,"adopt":0,"blocked":0,"delete":0,"disable":0,"enable":0,"failed":0,"rename":0,"unchanged":0,"update":0,"withheld":0},"exit_code":0,"held_by":[],"journal":"92c434a412064d184d0feee84917e731e0a31e06904ea72aabb358d8fed26d9e","outcome":"applied","plan":{"digest":"0d46f91180d5f661fb875ca5a6c5ba488f60175954e3b085e6fc6743ceecfc8b","id":"1"},"state":"clean"}',NULL,'403f48fe42a0ddd17db10d56583731731bc8c7affe10631ad3374e59675a7b11','7c1e6fe8781669bc10924e5b17c25de2886893496b7d177dadc00b54393f3bfb');
INSERT INTO audit VALUES(10,1795786971789,'run_started','hq',2,'{"actor":{"login_uid":null,"name":"root","uid":0},"as_of":"2026-11-27","config":"648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75","crashed":[],"dry":false,"trigger":"cli","version":"0.1.0"}',NULL,'7c1e6fe8781669bc10924e5b17c25de2886893496b7d177dadc00b54393f3bfb','9317c7be7ce3788acb7059d3cf63ca45f2676206a1bcafb347c5bd654f86a9ec');
INSERT INTO audit VALUES(11,1795786971868,'planned','hq',2,'{"counts":{"add":1,"adopt":0,"blocked":1,"delete":0,"disable":1,"enable":0,"failed":0,"rename":0,"unchanged":2,"update":2,"withheld":0},"digest":"d728fa35e7bb7b30b57a79e84e714f55f89d2da27c14ba3fd9e333157939d4dc","held_by":[],"inputs":{"config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"5f14277b3e143b9ca7a2a4e8803f2db81a7bbefe544ec80e67e20031713893b3","roster":"cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e","snapshot":"3a37c6cdd7de31d2eb6ad1249dc154872755fb435af453cc0eedb0d361166953"},"plan":2}',NULL,'9317c7be7ce3788acb7059d3cf63ca45f2676206a1bcafb347c5bd654f86a9ec','ce2b7701056feb3de0f8ef158747f425e17de7bf3a0103a91a11f2cca6c09498');
INSERT INTO audit VALUES(12,1795786971910,'action','hq',2,'{"code":0,"kind":"update","reason":"changed","sent_in_run":2,"seq":1,"source":{"file":"staff.csv","line":2},"state":"applied"}','3634c2b12718e2653b90d8432dce9a3e9f208f7b50ad2b5601e45310c60ffafb','ce2b7701056feb3de0f8ef158747f425e17de7bf3a0103a91a11f2cca6c09498','91bb9f796174cae92b61f92e2fd54f7cbd2fb339b9618dc6a024eb721dbb4cbf');
INSERT INTO audit VALUES(13,1795786971910,'action','hq',2,'{"code":0,"kind":"update","reason":"changed","sent_in_run":2,"seq":2,"source":{"file":"staff.csv","line":4},"state":"applied"}','749c0f1b893462d6f01e8469ee2a3da2ad95dfcc702cd6358e588857d2e97e08','91bb9f796174cae92b61f92e2fd54f7cbd2fb339b9618dc6a024eb721dbb4cbf','19fd52001319b7eccd0c36518cad853e5f74f9931c2225054054a03d437b9f02');
INSERT INTO audit VALUES(14,1795786971910,'action','hq',2,'{"code":0,"kind":"add","reason":"joined","sent_in_run":2,"seq":3,"source":{"file":"staff.csv","line":7},"state":"applied"}','678bb8490e388c7613705af6a3ca3b68ba96f4261eab0e6d8724d033239cced6','19fd52001319b7eccd0c36518cad853e5f74f9931c2225054054a03d437b9f02','eee4d8605cfc6d5509ac3f420c24d2c36b09c576dfae1084edd66aa59ad33041');
INSERT INTO audit VALUES(15,1795786971910,'action','hq',2,'{"code":0,"kind":"disable","reason":"left","sent_in_run":2,"seq":4,"source":{"file":"staff.csv","line":3},"state":"applied"}','b20ad9356f3a80748b3c940669c983f3dad63e7ca6af3954b94f80018462a646','eee4d8605cfc6d5509ac3f420c24d2c36b09c576dfae1084edd66aa59ad33041','82864a713672bdf77beb7f689699cb79e5eeaf542c8fb506726b9e3543c41a85');
INSERT INTO audit VALUES(16,1795786971916,'commit','hq',2,'{"code":0,"state":"applied"}',NULL,'82864a713672bdf77beb7f689699cb79e5eeaf542c8fb506726b9e3543c41a85','a5c1e7441bb6cded3aed707e397e9dfc7e9b4b6fd4c129a20e8c214b3bdbe9ac');
INSERT INTO audit VALUES(17,1795786971923,'run_ended','hq',2,'{"calls":{"commits":1,"mutations":4,"queries":4,"retries":0},"commit":"confirmed","counts":{"add":1,"adopt":0,"blocked":1,"delete":0,"disable":1,"enable":0,"failed":0,"rename":0,"unchanged":2,"update":2,"withheld":0},"exit_code":0,"held_by":[],"journal":"b9058d52705f403b37a2c44778fda23d0a7694f706a4d7775335730de6a86624","outcome":"applied","plan":{"digest":"d728fa35e7bb7b30b57a79e84e714f55f89d2da27c14ba3fd9e333157939d4dc","id":"2"},"state":"clean"}',NULL,'a5c1e7441bb6cded3aed707e397e9dfc7e9b4b6fd4c129a20e8c214b3bdbe9ac','b4a91b518e9ace3f2c2ab4f87813a2716778cc0ced31810284bf588dbcd40bb8');
INSERT INTO audit VALUES(18,1795786972035,'override',NULL,NULL,'{"actor":{"login_uid":null,"name":"root","uid":0},"kind":"suspend","until":null}','e1e276aa7482afaa4c5433e56282c0e84163c2554dafdc115fedd597ed5934fe','b4a91b518e9ace3f2c2ab4f87813a2716778cc0ced31810284bf588dbcd40bb8','a7110f5fba0b6002f2142fe5d62fe8b084c54526a8923fe0efa43f7cfd0a68c6');
INSERT INTO audit VALUES(19,1795786972105,'override',NULL,NULL,'{"actor":{"login_uid":null,"name":"root","uid":0},"kind":"hold","until":null}','1997aac7c78a4d11b178ba3866797dd8ce66351f48c17c23eca20a1de414bfb2','a7110f5fba0b6002f2142fe5d62fe8b084c54526a8923fe0efa43f7cfd0a68c6','157ce92cf92b65cee92ff5ec56ac6fbbfc3c5bb76060e16bd80e2670b51f8330');
INSERT INTO audit VALUES(20,1795786972345,'run_started','hq',3,'{"actor":{"login_uid":null,"name":"root","uid":0},"as_of":"2026-11-27","config":"648f5d5566fe1ebc2bbb84534bb05cc881607885dc6b4650f746c1e6c9217b75","crashed":[],"dry":false,"trigger":"cli","version":"0.1.0"}',NULL,'157ce92cf92b65cee92ff5ec56ac6fbbfc3c5bb76060e16bd80e2670b51f8330','cb856c3e9264c53877f1cc4f7a9e38bc873c850b8a32ac893e61e7705a12afd8');
INSERT INTO audit VALUES(21,1795786972374,'planned','hq',3,'{"counts":{"add":0,"adopt":0,"blocked":2,"delete":0,"disable":1,"enable":0,"failed":0,"rename":0,"unchanged":4,"update":0,"withheld":0},"digest":"4f3d9111ca92c0926062e774ec4c43899a0d764af8b95e169b3ee1d03e4585b2","held_by":[],"inputs":{"config":"54e8c64b5b4134f0347b7fb4076f8f122d72fea9c0af3229ab3048f2a8f37d70","overrides":"a8c4a4fc13607834c5beeaa24da1a21e92206c1997f916b6cb1dbe751054e3b6","roster":"cec0c863116ef3ef3e8687979218f23561c7f806355005c12f39db2adb99616e","snapshot":"b9acdfb6353a2beb4e8b5d64cf30fe4e67e1855ea997101e52e77bdc43a9f3c4"},"plan":3}',NULL,'cb856c3e9264c53877f1cc4f7a9e38bc873c850b8a32ac893e61e7705a12afd8','9bb02917962c7930479b3ecad94de39eafecb2966ab3b2763b2bd2944b8f5b7a');
INSERT INTO audit VALUES(22,1795786972392,'action','hq',3,'{"code":0,"kind":"disable","reason":"suspended","sent_in_run":3,"seq":1,"source":null,"state":"applied"}','0d54ed976321fb480d484081e3e0b2d9bc1b66a6c6280e520a3198d914db0eee','9bb02917962c7930479b3ecad94de39eafecb2966ab3b2763b2bd2944b8f5b7a','5b858baf041322af9366352db71fef4a5acb78dde150f1b27f6cfd43067583ad');
INSERT INTO audit VALUES(23,1795786972396,'commit','hq',3,'{"code":0,"state":"applied"}',NULL,'5b858baf041322af9366352db71fef4a5acb78dde150f1b27f6cfd43067583ad','2e0fd33e846c3c2f1f549c07779269bd469019d7ad16a26ffc37f0869509c345');
INSERT INTO audit VALUES(24,1795786972402,'run_ended','hq',3,'{"calls":{"commits":1,"mutations":1,"queries":2,"retries":0},"commit":"confirmed","counts":{"add":0,"adopt":0,"blocked":2,"delete":0,"disable":1,"enable":0,"failed":0,"rename":0,"unchanged":4,"update":0,"withheld":0},"exit_code":0,"held_by":[],"journal":"f99ae3b817eb863a09ffde61d9d6ddbec63de0cd59900ab3e64c7759cdb67bc2","outcome":"applied","plan":{"digest":"4f3d9111ca92c0926062e774ec4c43899a0d764af8b95e169b3ee1d03e4585b2","id":"3"},"state":"clean"}',NULL,'2e0fd33e846c3c2f1f549c07779269bd469019d7ad16a26ffc37f0869509c345','6768617b84d0df2d1e970ab377640f53fe05207db17873f25bd67a533c281909');
INSERT INTO audit VALUES(25,1795786972581,'run_started','hq',4,'{"actor":{"login_uid":null,"name":"root","uid":0},"as_of":"2026-11-27","config":"d040789e31e7c8c2c1de13ad70e870e583f6cb715b0f67975b8590277d88c9a4","crashed":[],"dry":false,"trigger":"cli","version":"0.1.0"}',NULL,'6768617b84d0df2d1e970ab377640f53fe05207db17873f25bd67a533c281909','8b62974aa3fa1afd5b7f88fcab7bb00b0cbc01ba32bf9aa60fbcf1449eeec49c');
INSERT INTO audit VALUES(26,1795786972606,'planned','hq',4,'{"counts":{"add":2,"adopt":0,"blocked":3,"delete":0,"disable":0,"enable":0,"failed":0,"rename":0,"unchanged":4,"update":0,"withheld":0},"digest":"c918ec2a95f15618b6177a489d728f209dffdcdf4753e82e26483a7030317922","held_by":["max_add"],"inputs":{"config":"32428d6ac806726495d0c60d7d06f63366e80d2ec122f0537887b7312938a970","overrides":"a8c4a4fc13607834c5beeaa24da1a21e92206c1997f916b6cb1dbe751054e3b6","roster":"5492fec66ee20d1b26fbfee29262bfa0fedd9d1568696f0639ca498bd9545bc0","snapshot":"9f24c5d9ca48acb49f4ed9d70403f9f5897d6884cbbe3b10b4fb5f73a892da52"},"plan":4}',NULL,'8b62974aa3fa1afd5b7f88fcab7bb00b0cbc01ba32bf9aa60fbcf1449eeec49c','a83c1d81da99cbf3c96a6b41a2febd27cd347c9b309162e10c3425fef95eaf97');
INSERT INTO audit VALUES(27,1795786972619,'run_ended','hq',4,'{"calls":{"commits":0,"mutations":0,"queries":0,"retries":0},"commit":"none","counts":{"add":2,"adopt":0,"blocked":3,"delete":0,"disable":0,"enable":0,"failed":0,"rename":0,"unchanged":4,"update":0,"withheld":0},"exit_code":4,"held_by":["max_add"],"journal":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262","outcome":"held","plan":{"digest":"c918ec2a95f15618b6177a489d728f209dffdcdf4753e82e26483a7030317922","id":"4"},"state":"clean"}',NULL,'a83c1d81da99cbf3c96a6b41a2febd27cd347c9b309162e10c3425fef95eaf97','839aae2778ee0611fbb6935e172f556ce0c11b5f5ca2b8c42c9bacfe5f545948');
INSERT INTO audit VALUES(28,1795786972762,'approved','hq',4,'{"actor":{"login_uid":null,"name":"root","uid":0},"approval":1,"expires_at":"2126-11-03T13:42:52.762423310Z","guards":{"max_add":2},"reason":"both are expected"}','e5bf4f880c62a5fd44c67a6354c3c35abb032795569bbbab959f6dc3386574d9','839aae2778ee0611fbb6935e172f556ce0c11b5f5ca2b8c42c9bacfe5f545948','f41baeab1854372f92c2ce1085a8aa9d6b01d3cc7752415074da13e858368f24');
CREATE TABLE audit_personal (
    seq   INTEGER PRIMARY KEY REFERENCES audit (seq),
    salt  TEXT NOT NULL,
    body  TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
INSERT INTO audit_personal VALUES(3,'3d9bb5d2b63e5182c0a7ee7897681557','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"王芳-经理","phone":"138******01","roles":[]},"before":null,"new_username":"00001","person":"00001","username":"00001"}');
INSERT INTO audit_personal VALUES(4,'c7e4b3c29ee96ce926b0ecb961af2eb3','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"李娜-专员","phone":"138******02","roles":[]},"before":null,"new_username":"00002","person":"00002","username":"00002"}');
INSERT INTO audit_personal VALUES(5,'11475de2613a801de7cca92e19e8170a','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"张伟-专员","phone":"138******03","roles":[]},"before":null,"new_username":"00003","person":"00003","username":"00003"}');
INSERT INTO audit_personal VALUES(6,'aad7543b944453e7910cf53aa611175b','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"陈静-会计","phone":"138******05","roles":[]},"before":null,"new_username":"00005","person":"00005","username":"00005"}');
INSERT INTO audit_personal VALUES(7,'70a1b7057fbcd97bd7e542fd0e0d5a1b','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"杨帆-会计","phone":"138******06","roles":[]},"before":null,"new_username":"00006","person":"00006","username":"00006"}');
INSERT INTO audit_personal VALUES(12,'e13f25f8d2270184f632ab9569b8db35','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"王芳-经理","phone":"138******01","roles":[]},"before":{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"王芳-经理","phone":"138******01","roles":[]},"new_username":"00001","person":"00001","username":"00001"}');
INSERT INTO audit_personal VALUES(13,'9ed39e8bf2b9e10a179b486eb5a6ea70','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"张伟-主管","phone":"138******03","roles":[]},"before":{"enabled":true,"expires_on":null,"group":"/总公司/市场部","note":"张伟-专员","phone":"138******03","roles":[]},"new_username":"00003","person":"00003","username":"00003"}');
INSERT INTO audit_personal VALUES(14,'8dd2e479ac41dfb04a7cc2a265c0283f','{"after":{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"赵磊-会计","phone":"138******07","roles":[]},"before":null,"new_username":"00007","person":"00007","username":"00007"}');
INSERT INTO audit_personal VALUES(15,'36df46bddc4ff4af8776d7195967c09b','{"after":{"enabled":false,"expires_on":null,"group":"/总公司/销售部","note":"李娜-专员","phone":"138******02","roles":[]},"before":{"enabled":true,"expires_on":null,"group":"/总公司/销售部","note":"李娜-专员","phone":"138******02","roles":[]},"new_username":"00002","person":"00002","username":"00002"}');
INSERT INTO audit_personal VALUES(18,'500e630c645a1fbbc17f9fde34641470','{"person":"00005","reason":"lost laptop"}');
INSERT INTO audit_personal VALUES(19,'e4fed7447161b957a8e740bd65c90f36','{"person":"00006","reason":"on a long leave"}');
INSERT INTO audit_personal VALUES(22,'f4e5e7cd5b6406659ed9076a1b8bfaf8','{"after":{"enabled":false,"expires_on":null,"group":"/总公司/财务部","note":"陈静-会计","phone":"138******05","roles":[]},"before":{"enabled":true,"expires_on":null,"group":"/总公司/财务部","note":"陈静-会计","phone":"138******05","roles":[]},"new_username":"00005","person":"00005","username":"00005"}');
INSERT INTO audit_personal VALUES(28,'bd45e07a9a7b18d144c533df19b8da24','{"sets":[["max_add",[{"kind":"add","person":"00009","reason":"joined","username":"00009","what":null},{"kind":"add","person":"00010","reason":"joined","username":"00010","what":null}]]]}');
CREATE TABLE oob_rotations (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     TEXT NOT NULL,
    sink        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'current', 'refused', 'dropped')),
    mode        TEXT CHECK (mode IN ('create', 'update')),
    created_at  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    sent_at     INTEGER,               -- when the last send began
    doubtful_at INTEGER,               -- when the last send without a usable answer began
    unsettled   INTEGER NOT NULL DEFAULT 0 CHECK (unsettled IN (0, 1)),
    file        TEXT,                  -- device and inode of the pending file: a rename keeps them
    ended_at    INTEGER,
    CHECK (state <> 'pending' OR sent_at IS NULL),
    CHECK (state NOT IN ('sent', 'current', 'refused') OR sent_at IS NOT NULL),
    CHECK ((ended_at IS NULL) = (state IN ('pending', 'sent'))),
    CHECK (unsettled = 0 OR doubtful_at IS NOT NULL)
) STRICT;
CREATE TABLE ucloud_scopes (
    scope     TEXT PRIMARY KEY,
    seen_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE ucloud_keys (
    scope     TEXT NOT NULL REFERENCES ucloud_scopes (scope),
    domain    TEXT NOT NULL,
    type      TEXT NOT NULL,
    position  INTEGER NOT NULL CHECK (position >= 0),
    key_mark  TEXT NOT NULL,
    iv_mark   TEXT NOT NULL,
    PRIMARY KEY (scope, domain, type, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE looks (
    target    TEXT NOT NULL,
    username  TEXT NOT NULL,
    device    TEXT NOT NULL,           -- address and dialect that were asked
    seen_at   INTEGER NOT NULL,
    record    TEXT CHECK (record IS NULL OR json_valid(record)),   -- null: no such user
    PRIMARY KEY (target, username)
) STRICT, WITHOUT ROWID;
CREATE TABLE drifted (
    target    TEXT NOT NULL,
    person    TEXT NOT NULL,
    seen_at   INTEGER NOT NULL,
    PRIMARY KEY (target, person)
) STRICT, WITHOUT ROWID;
CREATE TABLE quiet (
    target  TEXT PRIMARY KEY REFERENCES targets (name),
    run     INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    body    TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "entries" (
    target          TEXT NOT NULL REFERENCES targets (name),
    person          TEXT NOT NULL,
    username        TEXT NOT NULL,
    origin          TEXT NOT NULL CHECK (origin IN ('created', 'adopted')),
    group_path      TEXT NOT NULL CHECK (group_path LIKE '/%'),
    note            TEXT NOT NULL,
    phone           TEXT NOT NULL,
    roles           TEXT NOT NULL CHECK (json_valid(roles)),
    enabled         INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    expires_on      TEXT,
    gateway_id      TEXT,
    disabled_reason TEXT,              -- rosterd disabled it (and nobody enabled it since), or perhaps so: why
    disabled_at     INTEGER,           -- when the commit of that disable was confirmed
    PRIMARY KEY (target, person),
    UNIQUE (target, username),
    CHECK (disabled_at IS NULL OR disabled_reason IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO entries VALUES('hq','00001','00001','created','/总公司/市场部','王芳-经理','13800000001','[]',1,NULL,'3',NULL,NULL);
INSERT INTO entries VALUES('hq','00002','00002','created','/总公司/销售部','李娜-专员','13800000002','[]',0,NULL,'4','left',1795786971916);
INSERT INTO entries VALUES('hq','00003','00003','created','/总公司/市场部','张伟-主管','13800000003','[]',1,NULL,'6',NULL,NULL);
INSERT INTO entries VALUES('hq','00005','00005','created','/总公司/财务部','陈静-会计','13800000005','[]',0,NULL,'8','suspended',1795786972396);
INSERT INTO entries VALUES('hq','00006','00006','created','/总公司/财务部','杨帆-会计','13800000006','[]',1,NULL,NULL,NULL,NULL);
INSERT INTO entries VALUES('hq','00007','00007','created','/总公司/财务部','赵磊-会计','13800000007','[]',1,NULL,NULL,NULL,NULL);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('runs',4);
INSERT INTO sqlite_sequence VALUES('plans',4);
INSERT INTO sqlite_sequence VALUES('approvals',1);
CREATE INDEX runs_by_target ON runs (target, id);
CREATE INDEX runs_open ON runs (target) WHERE ended_at IS NULL;
CREATE INDEX intents_open ON intents (target, person) WHERE state IN ('sending', 'unknown') OR unsettled = 1;
CREATE INDEX intents_unaudited ON intents (target) WHERE audited = 0;
CREATE INDEX intents_by_person ON intents (person, run);
CREATE INDEX intents_by_username ON intents (username);
CREATE INDEX intents_removals ON intents (target, settled_at) WHERE kind IN ('disable', 'delete') AND state IN ('applied', 'done');
CREATE UNIQUE INDEX account_versions_open ON account_versions (target, person) WHERE to_run IS NULL;
CREATE INDEX account_versions_name ON account_versions (username);
CREATE INDEX approvals_open ON approvals (target) WHERE used_run IS NULL;
CREATE INDEX applied_rosters_digest ON applied_rosters (target, digest);
CREATE INDEX audit_by_run ON audit (run) WHERE run IS NOT NULL;
CREATE UNIQUE INDEX oob_rotations_open ON oob_rotations (sink) WHERE ended_at IS NULL;
CREATE INDEX oob_rotations_unsettled ON oob_rotations (sink) WHERE unsettled = 1;
CREATE TRIGGER quiet_targets AFTER UPDATE OF url, dialect, generation, state, quarantined_by, paused_reason, paused_until,
    update_checked, contacted ON targets BEGIN DELETE FROM quiet WHERE target = NEW.name; END;
CREATE TRIGGER quiet_groups_1 AFTER INSERT ON groups BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_groups_2 AFTER DELETE ON groups BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
CREATE TRIGGER quiet_intents_1 AFTER INSERT ON intents BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_intents_2 AFTER UPDATE OF target, person, username, new_username, state, unsettled ON intents
    BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_missing_1 AFTER INSERT ON missing BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_missing_2 AFTER DELETE ON missing BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
CREATE TRIGGER quiet_links_1 AFTER INSERT ON links BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_links_2 AFTER UPDATE ON links BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_links_3 AFTER DELETE ON links BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
CREATE TRIGGER quiet_drifted_1 AFTER INSERT ON drifted BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_drifted_2 AFTER DELETE ON drifted BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
CREATE TRIGGER quiet_approvals AFTER INSERT ON approvals BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_applied AFTER INSERT ON applied_rosters BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_people_1 AFTER INSERT ON people BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_people_2 AFTER UPDATE OF person, sources, identity ON people BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_people_3 AFTER DELETE ON people BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_overrides_1 AFTER INSERT ON overrides BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_overrides_2 AFTER UPDATE ON overrides BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_overrides_3 AFTER DELETE ON overrides BEGIN DELETE FROM quiet; END;
CREATE TRIGGER quiet_entries_1 AFTER INSERT ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_2 AFTER UPDATE ON entries BEGIN DELETE FROM quiet WHERE target = NEW.target; END;
CREATE TRIGGER quiet_entries_3 AFTER DELETE ON entries BEGIN DELETE FROM quiet WHERE target = OLD.target; END;
COMMIT;
