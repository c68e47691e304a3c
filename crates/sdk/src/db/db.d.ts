/** What is bound to a placeholder. Dates are bound as ISO text; objects and arrays only where the database has JSON. */
type DbValue = null | boolean | number | bigint | string | Date | ArrayBuffer | ArrayBufferView | object;

interface DbOptions {
    /** How integers beyond 2^53 are given back. `"bigint"` by default. */
    integers?: "bigint" | "string";
}

interface DbChanges {
    rowsAffected: number;
    /** The id of the row that was inserted last by the statement, where the database tells it. */
    lastInsertId: number | bigint | string | null;
}

interface DbStatements {
    /** Runs one statement and gives its rows, each as an object with the columns' names. */
    query<Row = Record<string, any>>(sql: string, params?: DbValue[], options?: DbOptions): Promise<Row[]>;
    /** Runs one statement and tells what it changed. */
    execute(sql: string, params?: DbValue[], options?: DbOptions): Promise<DbChanges>;
}

interface Db extends DbStatements {
    /**
     * Runs `work` in a transaction: committed when it returns, rolled back if it throws. One at a time in a run.
     * Inside of it, use `tx`.
     */
    transaction<Result>(work: (tx: DbStatements) => Result | Promise<Result>): Promise<Result>;
}

/** The tenant's database. */
declare const db: Db;
