export declare const HUB_TYPE: string;
export declare function hub(functionsUrl: string, audience: string): object;
export declare function hubAddress(webPubSubId: string, name: string): string;
