/** Members of what a command prints, by their place: `keys[].kid` is in each item of `keys`, `?` marks what may be absent. */
export type JsonMembers = Readonly<Record<string, string>>

const CLAIMS = 'as the token has them'

/** What commands say of a ring that is whole. */
const RING = Object.freeze({
  generation: 'number of its last write',
  writtenAt: 'time of it',
  kids: 'its keys, a list',
})

/** What each command prints with `--json`, one object on one line; the reference is made from it. Times are RFC 3339. */
export const JSON_OUTPUT: Readonly<Record<string, JsonMembers>> = Object.freeze({
  'keyturn serve': {
    url: 'base URL of the public listener',
    adminUrl: 'base URL of the admin listener',
    issuer: 'iss of its tokens',
    pid: 'its process',
    'clientId?': 'the first client, where one has just been made',
    'bootstrapFile?': 'the file (0600) with its id and secret',
  },
  'keyturn keys list': {
    generation: 'number of the last write to the ring',
    held: 'whether it came out of a backup and signs nothing until it is confirmed',
    'keys[].kid': 'thumbprint of the public key (RFC 7638)',
    'keys[].alg': 'its algorithm',
    'keys[].state': '`next`, `active`, `retired` or `revoked`',
    'keys[].createdAt': 'time',
    'keys[].publishedAt': 'time',
    'keys[].activateAt': 'time from which it signs',
    'keys[].signUntil': 'time; `null` while no successor has been decided on',
    'keys[].publishUntil': 'time; `null` while no successor has been decided on',
    'keys[].maxTtlSeconds': 'longest lifetime of a token that it may sign',
    'keys[].revokedAt': 'time; `null` unless it was revoked',
    'keys[].revokedReason': 'what `--reason` said; `null` unless it was revoked',
  },
  'keyturn keys rotate': {
    activeKid: 'the key that signs from `activateAt` on',
    previousKid: 'the key that signs until then',
    nextKid: 'the key after it; `null` until the authority has made one',
    activateAt: 'time',
  },
  'keyturn keys revoke': {
    revokedKid: 'the key that was named',
    revokedKids: 'every key that this revoked, a list: that one first',
    activeKid: 'the key that signs now',
    refusedEverywhereBy: 'time by which the last verifier that reaches the key set refuses them',
  },
  'keyturn keys import': {
    kid: 'thumbprint of the key',
    alg: 'its algorithm',
    activateAt: 'time from which it signs',
    replacedKid: 'the next key that it replaced; `null` where there was none',
  },
  'keyturn keys root': {
    'keys[]': 'the public root key, as a verifier takes it in `rootKeys`; then those of `--beside`',
  },
  'keyturn keys backup': { file: 'absolute path', ...RING },
  'keyturn keys restore': {
    confirmed: 'whether it signs',
    revokedAgain: 'keys of the backup that the audit log knows to be revoked, and that are so again; a list',
    knownFrom: 'time from which every verifier that reaches the key set knows its keys',
    lacking: 'keys that the audit log knows to be made after the backup, and that are not in it; a list',
    ...RING,
  },
  'keyturn keys verify': { valid: '`true`; a ring that is not whole is an error', ...RING },
  'keyturn keys rewrap': { generation: 'number of the write that sealed it' },
  'keyturn audit list': {
    'events[].seq': 'number of the line',
    'events[].at': 'time; `null` in a line that cannot be read',
    'events[].kind':
      '`unreadable` for a line that is not as it was written, else `ring-write`, `ring-write-failed`, `client-created`, `client-secret-replaced`, `client-deleted` or `checkpoint`',
    'events[].hash': 'over this line and all before it',
    'events[].actor?':
      'who did it: `program`, the command, `uid`, the user that it ran as, and `client`, the id of one that asked for it over HTTP',
    'events[].client?': 'what there is to know of a client, but for its secret',
    'events[].generation?': 'of the ring',
    'events[].failed?': 'code of the error, where the write failed',
    'events[].record?': 'where it failed: `seq` of the line in which the write was recorded',
    'events[].changes?': 'what the write does to the ring: a list, each with its `change`',
    'events[].checkpoint?': 'in a `checkpoint`: how far the log had gone, signed (a JWS)',
  },
  'keyturn audit verify': {
    valid: '`true`; a log that is not whole is an error',
    ringWitnessed: 'whether the ring remembered a line that was held against it',
    lines: 'how many there are',
    heads: 'how many statements of how far the log had gone were held against it',
  },
  'keyturn clients create': {
    clientId: 'its id',
    clientSecret: 'its secret, which is not shown again',
  },
  'keyturn clients delete': { clientId: 'its id' },
  'keyturn clients rotate-secret': {
    clientId: 'its id',
    clientSecret: 'its new secret, which is not shown again',
  },
  'keyturn clients list': {
    'clients[].clientId': 'its id',
    'clients[].name': 'label for operators',
    'clients[].scopes': 'what it may have, a list',
    'clients[].createdAt': 'time',
  },
  'keyturn token verify': {
    valid: '`true`; a token that is refused is an error',
    header: CLAIMS,
    claims: CLAIMS,
  },
  'keyturn token inspect': {
    verified: '`false`: anyone can have written this',
    header: CLAIMS,
    payload: CLAIMS,
  },
  'keyturn config check': {
    valid: '`true`; a configuration that is not is an error',
    issuer: 'iss of its tokens',
    audience: 'aud of tokens that name no other',
    dataDir: 'absolute path',
    backups: 'of scheduled backups: `dir`, `intervalSeconds`, `keep`; `null` where there are none',
    algorithm: 'of keys made from now on',
    accessTokenTtlSeconds: 'lifetime of access tokens',
    rotationIntervalSeconds: 'how long a key signs',
    leadSeconds: 'how long it is published before, at least',
    graceSeconds: 'how long it is published after',
    revocationSeconds: 'within what time a revoked key is refused everywhere',
    rootKid: 'the root key that signs the key set; `null` where there is none',
    warnings: 'what an operator should know, a list of texts',
  },
})
