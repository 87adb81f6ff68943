/** What tests take of the scripts. */
export declare const bundled: readonly ('core' | 'verifier')[]
