// db: query, execute and transaction. Values are checked here where JSON would change them without a word.
//
// The calls of a transaction are made one after the other, in the order in which the script makes them, and its end after
// all of them, awaited or not.
const { apply, brand, defineProperty, ownKeys, global: { Promise, TypeError } } = own;

// A promise of the host's, which `await` is not to look up where scripts can patch.
const sure = (promise) => {
    defineProperty(promise, 'constructor', { __proto__: null, value: Promise });
    return promise;
};

const bindable = (params) => {
    const values = [];
    if (params === undefined) return values;
    if (brand(params) !== 'Array') throw new TypeError('the parameters are no array');
    for (let at = 0; at < params.length; at += 1) {
        const value = params[at];
        switch (typeof value) {
            case 'undefined': throw new TypeError('parameter ' + (at + 1) + ' is undefined: pass null');
            case 'function': case 'symbol': throw new TypeError('parameter ' + (at + 1) + ' is a ' + typeof value);
            case 'number':
                if (value - value !== 0) throw new TypeError('parameter ' + (at + 1) + ' is not finite');
        }
        defineProperty(values, at, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    }
    return values;
};

const asStrings = (options) => {
    if (options === undefined || options === null) return false;
    const { integers } = options;
    switch (integers) {
        case undefined: case 'bigint': return false;
        case 'string': return true;
    }
    throw new TypeError('the option integers is neither "bigint" nor "string"');
};

const send = (operation, transaction, sql, params, options) => {
    if (typeof sql !== 'string') throw new TypeError('the SQL is no string');
    return operation(transaction, sql, bindable(params), asStrings(options));
};

// Nobody puts anything else in the place of a function.
const seal = (functions) => {
    const names = ownKeys(functions);
    for (let at = 0; at < names.length; at += 1) {
        defineProperty(functions, names[at], { __proto__: null, writable: false, configurable: false });
    }
};

const { query, execute, begin, commit, rollback } = host.$db;

const transact = async (work) => {
    if (typeof work !== 'function') throw new TypeError('db.transaction needs a function');
    const number = await sure(begin());
    let isOver = false, last;
    const inOrder = async (call) => {
        const before = last;
        let done;
        last = sure(new Promise((resolve) => { done = resolve; }));
        await before;
        try {
            return await sure(call());
        } finally {
            done();
        }
    };
    const statement = (operation) => async (sql, params, options) => {
        if (isOver) throw new TypeError('the transaction is over: await its statements inside of its function');
        return await sure(inOrder(() => send(operation, number, sql, params, options)));
    };
    const tx = { query: statement(query), execute: statement(execute) };
    seal(tx);
    let result;
    try {
        result = await apply(work, undefined, [tx]);
    } catch (error) {
        isOver = true;
        try {
            await sure(inOrder(() => rollback(number)));
        } catch {
            // It is rolled back in any case: the host lets go of what cannot be.
        }
        throw error;
    }
    isOver = true;
    await sure(inOrder(() => commit(number)));
    return result;
};

const db = {
    query: async (sql, params, options) => await sure(send(query, null, sql, params, options)),
    execute: async (sql, params, options) => await sure(send(execute, null, sql, params, options)),
    transaction: async (work) => await sure(transact(work)),
};
seal(db);
return [db];
